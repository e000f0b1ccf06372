#include "core/net/allowance.h"

#include <string>

#include <gtest/gtest.h>

namespace ringfence::core {
namespace {

using namespace std::chrono_literals;

asio::ip::address at(const std::string& text) {
  return asio::ip::make_address(text);
}

asio::ip::address v4(unsigned number) {
  return asio::ip::address_v4(number);
}

class AllowanceTest : public testing::Test {
 protected:
  int spend(Allowance& allowance, const asio::ip::address& peer, int tries) {
    int spent = 0;
    for (int i = 0; i < tries; ++i) spent += allowance.spend(peer, now_) ? 1 : 0;
    return spent;
  }

  Allowance::Clock::time_point now_ = Allowance::Clock::now();
};

TEST_F(AllowanceTest, GivesABurstAndThenSoManyASecond) {
  Allowance allowance({.burst = 10, .per_second = 2});
  EXPECT_EQ(spend(allowance, at("10.0.0.1"), 50), 10);
  EXPECT_EQ(spend(allowance, at("10.0.0.2"), 50), 10) << "to each";
  now_ += 3s;
  EXPECT_EQ(spend(allowance, at("10.0.0.1"), 50), 6);
  now_ += 1h;
  EXPECT_EQ(spend(allowance, at("10.0.0.1"), 50), 10) << "never more than the burst";
}

TEST_F(AllowanceTest, WhoMakesAddressesUpWipesNobodysDebtOut) {
  Allowance allowance({.burst = 10, .per_second = 1, .peers = 8});
  for (unsigned peer = 1; peer <= 8; ++peer)
    EXPECT_EQ(spend(allowance, v4(0x0a000000U + peer), 50), 10);
  // All of one neighbourhood have together what one would have.
  int spent = 0;
  for (unsigned peer = 1; peer <= 200; ++peer)
    spent += spend(allowance, v4(0x0b000000U + peer), 50);
  EXPECT_EQ(spent, 10);
  for (unsigned peer = 1; peer <= 8; ++peer)
    EXPECT_EQ(spend(allowance, v4(0x0a000000U + peer), 50), 0) << peer;
  now_ += 10s;
  EXPECT_EQ(spend(allowance, at("10.9.9.9"), 50), 10) << "a place is free again";
}

}  // namespace
}  // namespace ringfence::core

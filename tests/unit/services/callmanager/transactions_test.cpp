#include "services/callmanager/transactions.h"

#include <gtest/gtest.h>

namespace ringfence::services::callmanager {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Notify notify(Flow flow = 0) {
  Notify result;
  result.key = {1, "SEP1"};
  result.way.peer = {core::asio::ip::make_address("10.0.0.7"), 5060};
  result.way.flow = flow;
  result.text = "NOTIFY";
  return result;
}

const Transactions::Time kStart{};

TEST(Transactions, AreSentAgainOverUdpAndEndAfterTenSeconds) {
  Transactions transactions;
  transactions.start("z1", notify(), kStart);
  std::vector<int> sent;
  for (int ms = 0; ms < 10'000; ms += 100)
    if (!transactions.due(kStart + milliseconds(ms)).again.empty()) sent.push_back(ms);
  EXPECT_EQ(sent, (std::vector<int>{500, 1500, 3500, 7500}));
  EXPECT_EQ(transactions.due(kStart + seconds(10)).over.size(), 1U);
  EXPECT_TRUE(transactions.empty());
}

TEST(Transactions, AreSentOnceOverTcp) {
  Transactions transactions;
  transactions.start("z1", notify(3), kStart);
  EXPECT_TRUE(transactions.due(kStart + seconds(9)).again.empty());
  EXPECT_TRUE(transactions.lost(4).empty());
  EXPECT_EQ(transactions.lost(3).size(), 1U);
  EXPECT_TRUE(transactions.empty());
}

TEST(Transactions, AreEndedByTheirOwnPhoneAlone) {
  Transactions transactions;
  transactions.start("z1", notify(), kStart);
  EXPECT_FALSE(transactions.answered("z1", "10.0.0.8"));
  EXPECT_FALSE(transactions.answered("z2", "10.0.0.7"));
  ASSERT_TRUE(transactions.answered("z1", "10.0.0.7"));
  EXPECT_FALSE(transactions.answered("z1", "10.0.0.7")) << "once";
}

}  // namespace
}  // namespace ringfence::services::callmanager

// What is made with the token's help: who waits for it, and what stays in use when it fails.
#include "core/net/last_good.h"

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/eventually.h"

namespace ringfence::core {
namespace {

const Bytes kOld{1};
const Bytes kNew{2};

/// made returns a maker of `value`.
auto made(int value) {
  return [value] { return std::make_shared<int>(value); };
}

std::shared_ptr<int> fails() {
  throw Error(Code::hsm_unavailable, "the signer did not answer in time");
}

TEST(LastGood, MakesOneForEachSource) {
  LastGood<int> kept("KEPT");
  EXPECT_EQ(*kept.renewed(kOld, made(1)), 1);
  EXPECT_EQ(*kept.renewed(kOld, made(9)), 1);
  EXPECT_EQ(*kept.renewed(kNew, made(2)), 2);
  kept.outdate();
  EXPECT_EQ(*kept.renewed(kNew, made(3)), 3);
}

TEST(LastGood, KeepsTheOldOneWhenTheNewOneFailsAndSaysSoOnce) {
  LastGood<int> kept("KEPT");
  EXPECT_THROW(kept.renewed(kOld, fails), Error);
  kept.renewed(kOld, made(1));
  testing::internal::CaptureStderr();
  EXPECT_EQ(*kept.renewed(kNew, fails), 1);
  EXPECT_EQ(*kept.renewed(kNew, fails), 1);
  const std::string lines = testing::internal::GetCapturedStderr();
  const auto first = lines.find("KEPT why=\"the signer did not answer in time\"");
  EXPECT_NE(first, std::string::npos) << lines;
  EXPECT_EQ(lines.find("KEPT", first + 1), std::string::npos) << lines;
  EXPECT_EQ(*kept.renewed(kOld, made(9)), 1);
  EXPECT_EQ(*kept.renewed(kNew, made(2)), 2) << "each caller tries again";
  try {
    throw Error(Code::io, "admin.db cannot be read");
  } catch (const Error& error) {
    EXPECT_EQ(*kept.last(error), 2);
  }
}

TEST(LastGood, HasNothingToOfferBeforeTheFirst) {
  LastGood<int> kept("KEPT");
  const auto ask = [&] {
    try {
      throw Error(Code::not_found, "there is no certificate yet");
    } catch (const Error& error) {
      kept.last(error);
    }
  };
  EXPECT_THROW(ask(), Error);
}

/// LastGoodCrowd is many threads that want the same one while it is being made.
class LastGoodCrowd : public testing::Test {
 protected:
  /// ask starts eight threads, lets the one that makes it wait until all have come, then `end`s it.
  std::vector<int> ask(const std::function<std::shared_ptr<int>()>& end) {
    std::vector<std::future<int>> crowd;
    for (int i = 0; i < 8; ++i) {
      crowd.push_back(std::async(std::launch::async, [&] {
        ++coming;
        const auto make = [&] {
          ++makers;
          opened.wait();
          return end();
        };
        try {
          return *kept.renewed(kNew, make);
        } catch (const Error&) {
          return -1;
        }
      }));
    }
    EXPECT_TRUE(test::eventually([&] { return coming == 8 && makers == 1; }));
    open.set_value();
    std::vector<int> got;
    for (auto& one : crowd) got.push_back(one.get());
    return got;
  }

  LastGood<int> kept{"KEPT"};
  std::promise<void> open;
  std::shared_future<void> opened = open.get_future().share();
  std::atomic<int> coming = 0;
  std::atomic<int> makers = 0;
};

TEST_F(LastGoodCrowd, TakesWhatOneOfThemMade) {
  EXPECT_THAT(ask(made(2)), testing::Each(2));
  EXPECT_EQ(makers, 1);
}

TEST_F(LastGoodCrowd, FailsTogether) {
  EXPECT_THAT(ask(fails), testing::Each(-1));
  EXPECT_LT(makers, 8) << "whoever waited for the attempt does not repeat it";
}

}  // namespace
}  // namespace ringfence::core

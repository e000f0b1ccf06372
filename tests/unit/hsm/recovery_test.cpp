// When a worker may be started: deaths, lost tokens and refused PINs on an injected clock.
#include "hsm/signer/recovery.h"

#include <gtest/gtest.h>

#include "hsm/signer/lock.h"

namespace ringfence::hsm {
namespace {

using namespace std::chrono_literals;
using Time = Recovery::Clock::time_point;

const Time kNoon = Time() + 12h;
const Error kGone("C_Sign", 0x32);  // CKR_TOKEN_NOT_PRESENT … the code itself does not matter here

bool may_start(const Recovery& recovery, Time now) {
  return recovery.next_start().has_value() && *recovery.next_start() <= now;
}

TEST(RecoveryTest, ReplacesAWorkerThatWasReadyAtOnce) {
  Recovery recovery;
  EXPECT_TRUE(may_start(recovery, kNoon));
  recovery.died(kNoon + 1ms, kNoon, true);
  EXPECT_TRUE(may_start(recovery, kNoon + 1ms));
  EXPECT_EQ(recovery.trouble(), nullptr);
}

TEST(RecoveryTest, NamesATimeThatCanBeSubtractedFromNow) {
  const Recovery recovery;
  EXPECT_LT(*recovery.next_start() - Recovery::Clock::now(), 0s) << "the clock's minimum wraps";
}

TEST(RecoveryTest, WaitsLongerAfterEachWorkerThatDiesAtItsStart) {
  Recovery recovery;
  Time now = kNoon;
  for (const auto pause : {100ms, 200ms, 400ms, 800ms}) {
    recovery.died(now, now, false);
    EXPECT_FALSE(may_start(recovery, now + pause - 1ms)) << pause.count();
    EXPECT_TRUE(may_start(recovery, now + pause)) << pause.count();
    now += pause;
  }
  recovery.ready(now);
  recovery.died(now, now, false);
  EXPECT_TRUE(may_start(recovery, now + 100ms)) << "one that got ready ends the row";
}

TEST(RecoveryTest, CallsTheTokenLostWhenFiveWorkersInARowDieAtTheirStart) {
  Recovery recovery;
  for (int i = 0; i < 4; ++i) recovery.died(kNoon, kNoon, false);
  EXPECT_EQ(recovery.trouble(), nullptr);
  recovery.died(kNoon, kNoon, false);
  EXPECT_NE(recovery.trouble(), nullptr);
}

TEST(RecoveryTest, ReopensALostTokenAtOnceAndThenAtMostOnceInThirtySeconds) {
  Recovery recovery;
  recovery.lost(kNoon, kNoon - 1h, kGone);
  ASSERT_TRUE(may_start(recovery, kNoon + 1s)) << "the first reopening does not wait";
  recovery.starting(kNoon + 1s);
  recovery.lost(kNoon + 2s, kNoon + 1s, kGone);
  EXPECT_FALSE(may_start(recovery, kNoon + 30s));
  ASSERT_TRUE(may_start(recovery, kNoon + 31s));
  recovery.starting(kNoon + 31s);
  recovery.lost(kNoon + 32s, kNoon + 31s, kGone);
  EXPECT_EQ(*recovery.next_start(), kNoon + 61s);
  EXPECT_STREQ(recovery.trouble()->what(), kGone.what());
}

TEST(RecoveryTest, LetsTheOthersFollowTheWorkerThatReopened) {
  Recovery recovery;
  recovery.lost(kNoon, kNoon - 1h, kGone);
  recovery.starting(kNoon + 1s);
  recovery.ready(kNoon + 1s);
  EXPECT_TRUE(may_start(recovery, kNoon + 1s));
  EXPECT_EQ(recovery.trouble(), nullptr);
}

TEST(RecoveryTest, DoesNotTakeAWorkerStartedBeforeTheLossForAReopening) {
  Recovery recovery;
  recovery.lost(kNoon, kNoon - 1h, kGone);
  recovery.starting(kNoon + 1s);
  recovery.ready(kNoon + 1s);
  recovery.lost(kNoon + 3s, kNoon + 1s, kGone);
  recovery.ready(kNoon + 2s);  // was on its way while the first lost the token again
  EXPECT_NE(recovery.trouble(), nullptr);
  EXPECT_EQ(*recovery.next_start(), kNoon + 31s);
}

TEST(RecoveryTest, LearnsNothingFromAWorkerOlderThanTheReopening) {
  Recovery recovery;
  recovery.lost(kNoon, kNoon - 1h, kGone);
  recovery.starting(kNoon + 1s);
  recovery.lost(kNoon + 1s, kNoon, kGone);  // the second worker of the old days finds out, too
  recovery.ready(kNoon + 1s);
  recovery.lost(kNoon, kNoon - 1h, kGone);
  EXPECT_EQ(recovery.trouble(), nullptr);
  EXPECT_TRUE(may_start(recovery, kNoon + 2s));
}

TEST(RecoveryTest, NeverStartsAgainAfterARefusedPin) {
  Recovery recovery;
  recovery.pin_refused(Error("C_Login", 0xa0));
  EXPECT_EQ(recovery.next_start(), std::nullopt);
  EXPECT_EQ(recovery.trouble()->kind(), Kind::pin);
  recovery.unlocked();
  EXPECT_TRUE(may_start(recovery, kNoon));
}

Bytes pin(std::string_view text) {
  return {text.begin(), text.end()};
}

TEST(LockTest, KeepsThePinForTheWorkers) {
  Lock lock;
  EXPECT_EQ(lock.pin(), nullptr);
  lock.try_pin(pin("1234"), kNoon);
  ASSERT_NE(lock.pin(), nullptr);
  EXPECT_EQ(Bytes(lock.pin()->reveal().begin(), lock.pin()->reveal().end()), pin("1234"));
}

TEST(LockTest, ForgetsARefusedPinAndTakesTheNextLaterAndLater) {
  Lock lock;
  Time now = kNoon;
  for (const auto pause : {2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 300s, 300s}) {
    lock.try_pin(pin("wrong"), now);
    lock.refused(now);
    EXPECT_EQ(lock.pin(), nullptr);
    EXPECT_THROW(lock.try_pin(pin("next"), now + pause - 1ms), Error) << pause.count();
    now += pause;
  }
  lock.try_pin(pin("right"), now);
  lock.accepted();
  lock.refused(now);
  EXPECT_NO_THROW(lock.try_pin(pin("next"), now + 2s)) << "an accepted PIN ends the row";
}

}  // namespace
}  // namespace ringfence::hsm

#include "services/admin/jobs/phone_watch.h"

#include <gtest/gtest.h>

#include "tests/unit/services/admin/jobs/watched_job.h"

namespace ringfence::services::admin {
namespace {

using core::ItemState;

const std::string kPhone = OnePhone::kName;

class PhoneWatchTest : public testing::Test {
 protected:
  OnePhone phone_;
  WatchedJob& job_ = phone_.job;
};

TEST_F(PhoneWatchTest, CountsAPhoneThatRegisteredAnewWithTheNewList) {
  const auto moved = job_.observe(
      {{registration(kPhone, "new", at(10))}, fetch(kPhone, "good"), {reset(kPhone, 200)}}, at(12));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::returned);
  EXPECT_TRUE(job_.watch.finished());
}

TEST_F(PhoneWatchTest, DoesNotCountTheRegistrationFromBeforeTheReset) {
  job_.observe({{registration(kPhone, "old", at(10))}, fetch(kPhone, "good"), {reset(kPhone, 200)}},
               at(12));
  EXPECT_FALSE(job_.watch.finished());
}

TEST_F(PhoneWatchTest, DoesNotCountAPhoneThatStillHasTheOldList) {
  job_.observe(
      {{registration(kPhone, "new", at(11))}, fetch(kPhone, "stale"), {reset(kPhone, 200)}},
      at(12));
  EXPECT_FALSE(job_.watch.finished());
}

TEST_F(PhoneWatchTest, CountsARefusedNotifyAsFailedAndStillWelcomesThePhone) {
  const Evidence refused{{registration(kPhone, "old", at(1))}, {}, {reset(kPhone, 400)}};
  EXPECT_TRUE(job_.observe(refused, at(41)).empty()) << "it may have been registering just then";
  auto moved = job_.observe(refused, at(42));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::failed);
  EXPECT_TRUE(job_.watch.finished());
  moved = job_.observe(
      {{registration(kPhone, "new", at(50))}, fetch(kPhone, "good"), {reset(kPhone, 400)}}, at(51));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::returned);
}

TEST_F(PhoneWatchTest, WaitsForAPhoneThatDidNotAnswerBeforeItCountsItAsFailed) {
  const core::Registration old = registration(kPhone, "old", at(1));
  EXPECT_TRUE(job_.observe({{old}, {}, {reset(kPhone, 408)}}, at(41)).empty());
  const auto moved = job_.observe({{old}, {}, {reset(kPhone, 408)}}, at(42));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::failed);
}

// Its fetch was the last thing that a file server did before it ended, and was not written down.
TEST_F(PhoneWatchTest, AsksAgainAPhoneThatCameBackWithNoKnownFetchTwiceAtMost) {
  core::ResetRow row = reset(kPhone, 200);
  int now = 11;
  for (const char* call : {"second", "third"}) {
    const core::Registration back = registration(kPhone, call, at(now));
    const Evidence evidence{{back}, fetch(kPhone, "stale"), {row}};
    EXPECT_TRUE(job_.observe(evidence, at(now + 5)).empty());
    const auto moved = job_.observe(evidence, at(now + 6));
    ASSERT_EQ(moved.size(), 1U);
    EXPECT_EQ(moved[0].state, ItemState::waiting);
    ASSERT_EQ(job_.ask({back}, at(now + 6)).size(), 1U);
    // Neither the registration nor the row from before counts for the new reset.
    EXPECT_TRUE(job_.observe(evidence, at(now + 30)).empty());
    row.sent_at = at(now + 6);
    row.answered_at = at(now + 7);
    now += 40;
  }
  const core::Registration back = registration(kPhone, "fourth", at(now));
  EXPECT_TRUE(job_.observe({{back}, {}, {row}}, at(now + 6)).empty());
  const auto moved = job_.observe({{back}, {}, {row}}, at(now + 300));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::unproven) << "it is back";
}

TEST_F(PhoneWatchTest, CountsAPhoneThatWasAskedAgainWhenItComesBackOnceMore) {
  const core::Registration second = registration(kPhone, "second", at(11));
  job_.observe({{second}, {}, {reset(kPhone, 200)}}, at(17));
  job_.ask({second}, at(17));
  core::ResetRow row = reset(kPhone, 200);
  row.sent_at = at(17);
  const Trust list = fetch(kPhone, "good");
  EXPECT_TRUE(job_.observe({{second}, list, {row}}, at(18)).empty());
  const core::Registration third = registration(kPhone, "third", at(17));
  ASSERT_EQ(job_.observe({{third}, list, {row}}, at(18)).size(), 1U);
  EXPECT_TRUE(job_.watch.finished());
}

TEST_F(PhoneWatchTest, AsksAgainWhenTheRegistrarEndedBeforeTheAnswerAndThePhoneIsStillThere) {
  const core::Registration old = registration(kPhone, "old", at(1));
  const Evidence unanswered{{old}, {}, {reset(kPhone, 0)}};
  EXPECT_TRUE(job_.observe(unanswered, at(40)).empty());
  const auto moved = job_.observe(unanswered, at(41));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::waiting);
}

TEST_F(PhoneWatchTest, WaitsForAPhoneThatUnregisteredThoughItsAnswerIsLost) {
  const Evidence gone{{}, {}, {reset(kPhone, 0)}};
  EXPECT_TRUE(job_.observe(gone, at(310)).empty());
  EXPECT_EQ(job_.observe(gone, at(311))[0].state, ItemState::not_returned);
}

TEST_F(PhoneWatchTest, CountsAPhoneThatKeptItsOldListAsRefusedAndStillWelcomesIt) {
  const core::Registration back = registration(kPhone, "new", at(11));
  const core::ResetRow row = reset(kPhone, 200);
  const Evidence refused{{back}, stands(kPhone, core::Acceptance::refused), {row}};
  EXPECT_TRUE(job_.observe(refused, at(16)).empty()) << "a proof may still be on its way";
  auto moved = job_.observe(refused, at(17));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::refused);
  EXPECT_EQ(moved[0].detail, "a reason");
  EXPECT_TRUE(job_.watch.finished());
  moved = job_.observe({{back}, fetch(kPhone, "good"), {row}}, at(20));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::returned);
  EXPECT_EQ(moved[0].detail, "");
}

TEST_F(PhoneWatchTest, CountsAPhoneWithoutProofAsUnproven) {
  const core::Registration back = registration(kPhone, "new", at(11));
  const Evidence fetched{{back}, stands(kPhone, core::Acceptance::fetched), {reset(kPhone, 200)}};
  EXPECT_TRUE(job_.observe(fetched, at(16)).empty());
  const auto moved = job_.observe(fetched, at(17));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::unproven);
  EXPECT_TRUE(job_.watch.finished());
}

TEST_F(PhoneWatchTest, AsksAgainWhenWhatCameAfterTheFetchWasNotSeen) {
  Trust awaited = stands(kPhone, core::Acceptance::fetched);
  awaited.begin()->second.judgement.awaited = true;
  core::ResetRow row = reset(kPhone, 200);
  int now = 11;
  for (unsigned i = 0; i < PhoneWatch::kAgainAtMost; ++i, now += 40) {
    const core::Registration back = registration(kPhone, std::to_string(i), at(now));
    const auto moved = job_.observe({{back}, awaited, {row}}, at(now + 6));
    ASSERT_EQ(moved.size(), 1U);
    EXPECT_EQ(moved[0].state, ItemState::waiting);
    job_.ask({back}, at(now + 6));
    row.sent_at = at(now + 6);
  }
  const core::Registration back = registration(kPhone, "last", at(now));
  const auto moved = job_.observe({{back}, awaited, {row}}, at(now + 6));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::unproven);
}

TEST_F(PhoneWatchTest, AStrangerAtAnotherAddressIsNotThePhonesReturn) {
  core::Registration stranger = registration(kPhone, "strange", at(11));
  stranger.peer = "127.0.0.2:5060";
  const core::ResetRow row = reset(kPhone, 200);
  const Trust accepted = stands(kPhone, core::Acceptance::accepted, "127.0.0.1");
  EXPECT_TRUE(job_.observe({{stranger}, accepted, {row}}, at(41)).empty());
  const auto moved = job_.observe({{stranger}, accepted, {row}}, at(42));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::unproven);
  EXPECT_NE(moved[0].detail.find("127.0.0.2"), std::string::npos) << moved[0].detail;

  core::Registration itself = registration(kPhone, "own", at(50));
  itself.peer = "127.0.0.1:49152";
  const auto back = job_.observe({{stranger, itself}, accepted, {row}}, at(51));
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0].state, ItemState::returned);
}

TEST_F(PhoneWatchTest, GivesUpAPhoneThatComesBackWithItsOldListThoughNoResetIsKnownOfIt) {
  int now = 11;
  for (const char* call : {"second", "third"}) {
    const core::Registration back = registration(kPhone, call, at(now));
    EXPECT_EQ(job_.observe({{back}, fetch(kPhone, "stale")}, at(now + 6)).size(), 1U);
    ASSERT_EQ(job_.ask({back}, at(now + 6)).size(), 1U);
    now += 40;
  }
  const core::Registration back = registration(kPhone, "fourth", at(now));
  EXPECT_TRUE(job_.observe({{back}, fetch(kPhone, "stale")}, at(now + 6)).empty());
  const auto moved = job_.observe({{back}, fetch(kPhone, "stale")}, at(now + 300));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::unproven) << "it is back";
}

TEST(PhoneWatch, AsksNoListOfASoftClient) {
  WatchedJob job({{"CSFANNA", ItemState::waiting, at(0)}});
  job.ask({}, at(10));
  job.observe({{registration("CSFANNA", "new", at(11))}}, at(12));
  EXPECT_TRUE(job.watch.finished());
}

TEST_F(PhoneWatchTest, GivesAPhoneUpFiveMinutesAfterItsOwnResetAndStillWelcomesIt) {
  const core::Registration old = registration(kPhone, "old", at(1));
  job_.observe({{old}, {}, {reset(kPhone, 200)}}, at(310));
  EXPECT_FALSE(job_.watch.finished());
  auto moved = job_.observe({{old}, {}, {reset(kPhone, 200)}}, at(311));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::not_returned);
  moved = job_.observe(
      {{registration(kPhone, "new", at(400))}, fetch(kPhone, "good"), {reset(kPhone, 200)}},
      at(401));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::returned);
}

TEST_F(PhoneWatchTest, AsksAgainWhenTheRegistrarLostTheReset) {
  const core::Registration old = registration(kPhone, "old", at(1));
  EXPECT_TRUE(job_.observe({{old}, {}, {}}, at(70)).empty());
  const auto moved = job_.observe({{old}, {}, {}}, at(71));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::waiting);
  EXPECT_EQ(job_.ask({old}, at(72)).size(), 1U);
}

}  // namespace
}  // namespace ringfence::services::admin

#include <gtest/gtest.h>

#include "services/admin/jobs/phone_watch.h"
#include "tests/unit/services/admin/jobs/watched_job.h"

namespace ringfence::services::admin {
namespace {

using core::ItemState;
using core::JobItem;

const std::string kPhone = OnePhone::kName;

class PhoneWatchMembers : public testing::Test {
 protected:
  OnePhone phone_;
  WatchedJob& job_ = phone_.job;
};

TEST_F(PhoneWatchMembers, APhoneThatStaysUnregisteredFails) {
  WatchedJob job({{kPhone, ItemState::waiting, at(0)}});
  const std::vector<std::string> unknown{kPhone, "SEP000000000099"};
  ASSERT_EQ(job.ask({}, at(11), unknown).size(), 1U);
  EXPECT_FALSE(job.watch.finished());
  EXPECT_TRUE(job.ask({}, at(15)).empty()) << "it is not asked for all the time";
  const auto again = job.ask({}, at(16), unknown);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].state, ItemState::waiting);
  EXPECT_EQ(job.ask({}, at(42), unknown).at(0).state, ItemState::failed);
  EXPECT_TRUE(job.watch.finished());
  const auto late =
      job.observe({{registration(kPhone, "late", at(50))}, fetch(kPhone, "good")}, at(50));
  ASSERT_EQ(late.size(), 1U);
  EXPECT_EQ(late[0].state, ItemState::returned);
}

TEST_F(PhoneWatchMembers, APhoneThatWasNotRegisteredIsAskedAsSoonAsItIs) {
  WatchedJob job({{kPhone, ItemState::waiting, at(0)}});
  job.ask({}, at(11), {kPhone});
  const core::Registration back = registration(kPhone, "anew", at(12));
  EXPECT_TRUE(job.ask({back}, at(12)).empty());
  job.observe({{back}}, at(12));
  ASSERT_EQ(job.ask({back}, at(12)).size(), 1U);
}

TEST_F(PhoneWatchMembers, NobodyIsMissingWhileTheRegistrarIsAway) {
  WatchedJob job({{kPhone, ItemState::waiting, at(0)}});
  job.ask({}, at(11), {kPhone});
  job.watch.not_asked(job.watch.next_wave(at(20)));
  EXPECT_EQ(job.ask({}, at(200), {kPhone}).at(0).state, ItemState::waiting);
}

TEST_F(PhoneWatchMembers, OneThatBootedWithTheOldListIsTakenIn) {
  const std::string late = "SEP000000000002";
  const core::Registration booted = registration(late, "booted", at(20));
  const Evidence old_list{{booted}, stands(late, core::Acceptance::unknown), {}};
  EXPECT_TRUE(job_.observe(old_list, at(21)).empty()) << "its fetch may not be known yet";
  job_.watch.want(core::JobWanted::run, at(21));
  const auto taken = job_.observe(old_list, at(22));
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].phone, late);
  EXPECT_EQ(taken[0].state, ItemState::waiting);
  EXPECT_TRUE(job_.observe(old_list, at(23)).empty());
  EXPECT_EQ(job_.ask({booted}, at(23)).size(), 1U);
}

TEST_F(PhoneWatchMembers, OneThatRegistersAgainAndAgainKeepsNoJobFromItsEnd) {
  const std::string late = "SEP000000000002";
  const auto observe = [&](int now) {
    return job_.observe({{registration(late, "call " + std::to_string(now), at(now))},
                         stands(late, core::Acceptance::unknown),
                         {}},
                        at(now));
  };
  EXPECT_TRUE(observe(20).empty());
  EXPECT_TRUE(observe(21).empty());
  const auto taken = observe(22);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].phone, late);
}

TEST_F(PhoneWatchMembers, TheJobWaitsForOneOfWhomThatIsNotKnownYet) {
  const std::string late = "SEP000000000002";
  WatchedJob job({});
  job.observe({{registration(late, "booted", at(20))}}, at(20));
  EXPECT_FALSE(job.watch.finished());
  job.observe({{registration(late, "booted", at(20))}, fetch(late, "good")}, at(21));
  EXPECT_TRUE(job.watch.finished());
}

TEST_F(PhoneWatchMembers, NobodyElseIsTakenIn) {
  core::Registration stranger = registration("SEP000000000002", "x", at(20));
  stranger.peer = "127.0.0.2:5060";
  const core::Registration updated = registration("SEP000000000003", "x", at(20));
  const core::Registration soft = registration("CSFANNA", "x", at(20));
  Trust trust = stands("SEP000000000002", core::Acceptance::unknown, "127.0.0.1");
  trust.merge(stands("SEP000000000003", core::Acceptance::accepted));
  trust.merge(stands("CSFANNA", core::Acceptance::unknown));
  EXPECT_TRUE(job_.observe({{stranger, updated, soft}, trust, {}}, at(60)).empty());
}

TEST_F(PhoneWatchMembers, NobodyIsTakenInOnceTheJobIsCancelled) {
  WatchedJob job({});
  job.watch.want(core::JobWanted::cancel, at(60));
  EXPECT_TRUE(
      job.observe({{registration(kPhone, "x", at(20))}, fetch(kPhone, "old")}, at(60)).empty());
  EXPECT_TRUE(job.watch.finished());
}

TEST_F(PhoneWatchMembers, TheRegistrarsRowsTellWhoWasAskedBeforeACrash) {
  core::ResetRow row = reset(kPhone, 200);
  WatchedJob job(
      {{kPhone, ItemState::waiting, at(0)}, {"SEP000000000002", ItemState::reset_sent, at(10)}},
      {row});
  const auto wave = job.ask({}, at(20));
  ASSERT_EQ(wave.size(), 1U);
  EXPECT_EQ(wave[0].phone, "SEP000000000002");
  const auto moved =
      job.observe({{registration(kPhone, "new", at(11))}, fetch(kPhone, "good"), {row}}, at(21));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::returned);
}

TEST_F(PhoneWatchMembers, AreAskedWithinTheRoomThereIs) {
  std::vector<JobItem> items;
  for (int i = 0; i < 5; ++i)
    items.push_back({"SEP00000000000" + std::to_string(i), ItemState::waiting, at(0)});
  WatchedJob job(std::move(items), {}, PhoneWatch::Goal::list, {.room = 3});
  EXPECT_EQ(job.ask({}, at(1)).size(), 3U);
  EXPECT_EQ(job.ask({}, at(2)).size(), 0U);
  job.observe({{}, {}, {reset("SEP000000000000", 400)}}, at(11));
  job.observe({{}, {}, {reset("SEP000000000000", 400)}}, at(42));
  EXPECT_EQ(job.ask({}, at(42)).size(), 1U);
}

TEST_F(PhoneWatchMembers, AreNeverGivenUpBeforeTheyWereReset) {
  WatchedJob job({{kPhone, ItemState::waiting, at(0)}});
  EXPECT_TRUE(job.observe({}, at(100'000)).empty());
  EXPECT_FALSE(job.watch.finished());
}

TEST_F(PhoneWatchMembers, WaitWhenTheirWaveCouldNotBeAskedFor) {
  WatchedJob job({{kPhone, ItemState::waiting, at(0)}});
  job.watch.not_asked(job.watch.next_wave(at(1)));
  EXPECT_TRUE(job.watch.take_changes().empty());
  EXPECT_FALSE(job.watch.finished());
  EXPECT_EQ(job.ask({}, at(3)).size(), 1U);
}

TEST_F(PhoneWatchMembers, ACancelledJobWaitsForWhoAnsweredAlone) {
  job_.watch.want(core::JobWanted::cancel, at(11));
  EXPECT_TRUE(job_.observe({}, at(12)).empty()) << "it may be answering just now";
  const auto moved = job_.observe({{}, {}, {reset(kPhone, 0)}}, at(13));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::cancelled);
  EXPECT_EQ(moved[0].detail, "it had not answered when the job was cancelled");
  EXPECT_TRUE(phone_.finished());
}

TEST_F(PhoneWatchMembers, OneThatObeysIsFollowedToItsEndThoughTheJobIsCancelled) {
  job_.observe({{}, {}, {reset(kPhone, 200)}}, at(11));
  job_.watch.want(core::JobWanted::cancel, at(100));
  EXPECT_TRUE(job_.observe({{}, {}, {reset(kPhone, 200)}}, at(100)).empty());
  EXPECT_EQ(job_.observe({{}, {}, {reset(kPhone, 200)}}, at(311)).at(0).state,
            ItemState::not_returned);
}

TEST_F(PhoneWatchMembers, NobodyIsAskedAgainOnceTheJobIsCancelled) {
  job_.watch.want(core::JobWanted::cancel, at(11));
  const core::Registration back = registration(kPhone, "new", at(11));
  const auto moved = job_.observe({{back}, {}, {reset(kPhone, 200)}}, at(17));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::cancelled);
  EXPECT_TRUE(phone_.finished());
}

TEST_F(PhoneWatchMembers, ARemovedPhoneEnds) {
  const auto moved = job_.remove(kPhone, at(12));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::removed);
  EXPECT_TRUE(phone_.finished());
}

}  // namespace
}  // namespace ringfence::services::admin

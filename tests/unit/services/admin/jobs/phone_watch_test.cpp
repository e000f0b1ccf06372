#include "services/admin/jobs/phone_watch.h"

#include <gtest/gtest.h>

namespace ringfence::services::admin {
namespace {

using core::ItemState;
using core::JobItem;
using core::Time;

constexpr Time at(int seconds) {
  return Time(std::chrono::seconds(1'000'000 + seconds));
}

core::Registration registration(const std::string& device, const std::string& call_id, Time when) {
  core::Registration one;
  one.device = device;
  one.call_id = call_id;
  one.registered_at = when;
  one.refreshed_at = when;
  return one;
}

using Trust = std::map<std::string, PhoneTrust>;

Trust stands(const std::string& device, core::Acceptance acceptance, const std::string& home = "") {
  return {{device, {{acceptance, "a reason", ""}, home, ""}}};
}

/// fetch is a phone that took the list "good", and holds an older one otherwise.
Trust fetch(const std::string& device, const std::string& sha1) {
  return stands(device, sha1 == "good" ? core::Acceptance::accepted : core::Acceptance::unknown);
}

core::ResetRow reset(const std::string& device, int status) {
  core::ResetRow row;
  row.device = device;
  row.sent_at = at(10);
  if (status != 0) row.answered_at = at(11);
  row.status = status;
  return row;
}

class PhoneWatchTest : public testing::Test {
 protected:
  PhoneWatchTest() : watch_({{"SEP000000000001", ItemState::waiting, at(0)}}, {}) {
    watch_.next_wave({registration("SEP000000000001", "old", at(1))}, 10, at(10));
  }

  PhoneWatch watch_;
};

TEST_F(PhoneWatchTest, CountsAPhoneThatRegisteredAnewWithTheNewList) {
  const auto moved = watch_.observe({{registration("SEP000000000001", "new", at(10))},
                                     fetch("SEP000000000001", "good"),
                                     {reset("SEP000000000001", 200)}},
                                    at(12));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::returned);
  EXPECT_TRUE(watch_.finished());
}

TEST_F(PhoneWatchTest, DoesNotCountTheRegistrationFromBeforeTheReset) {
  watch_.observe({{registration("SEP000000000001", "old", at(10))},
                  fetch("SEP000000000001", "good"),
                  {reset("SEP000000000001", 200)}},
                 at(12));
  EXPECT_FALSE(watch_.finished());
}

TEST_F(PhoneWatchTest, DoesNotCountAPhoneThatStillHasTheOldList) {
  watch_.observe({{registration("SEP000000000001", "new", at(11))},
                  fetch("SEP000000000001", "stale"),
                  {reset("SEP000000000001", 200)}},
                 at(12));
  EXPECT_FALSE(watch_.finished());
}

TEST_F(PhoneWatchTest, CountsARefusedNotifyAsFailedAndStillWelcomesThePhone) {
  const Evidence refused{
      {registration("SEP000000000001", "old", at(1))}, {}, {reset("SEP000000000001", 400)}};
  EXPECT_TRUE(watch_.observe(refused, at(41)).empty()) << "it may have been registering just then";
  auto moved = watch_.observe(refused, at(42));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::failed);
  EXPECT_TRUE(watch_.finished());
  moved = watch_.observe({{registration("SEP000000000001", "new", at(50))},
                          fetch("SEP000000000001", "good"),
                          {reset("SEP000000000001", 400)}},
                         at(51));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::returned);
}

TEST_F(PhoneWatchTest, WaitsForAPhoneThatDidNotAnswerBeforeItCountsItAsFailed) {
  const core::Registration old = registration("SEP000000000001", "old", at(1));
  EXPECT_TRUE(watch_.observe({{old}, {}, {reset("SEP000000000001", 408)}}, at(41)).empty());
  const auto moved = watch_.observe({{old}, {}, {reset("SEP000000000001", 408)}}, at(42));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::failed);
}

TEST_F(PhoneWatchTest, CountsAPhoneThatStaysUnregisteredAsFailed) {
  const std::vector<std::string> unknown{"SEP000000000001", "SEP000000000099"};
  ASSERT_EQ(watch_.unreachable(unknown, at(11)).size(), 1U);
  EXPECT_FALSE(watch_.finished());
  EXPECT_TRUE(watch_.next_wave({}, 10, at(15)).empty()) << "it is not asked for all the time";
  ASSERT_EQ(watch_.next_wave({}, 10, at(16)).size(), 1U);
  EXPECT_EQ(watch_.unreachable(unknown, at(16))[0].state, ItemState::waiting);
  watch_.next_wave({}, 10, at(42));
  EXPECT_EQ(watch_.unreachable(unknown, at(42))[0].state, ItemState::failed);
  EXPECT_TRUE(watch_.finished());
}

TEST_F(PhoneWatchTest, AsksAPhoneThatWasNotRegisteredAsSoonAsItIs) {
  watch_.unreachable({"SEP000000000001"}, at(11));
  const core::Registration back = registration("SEP000000000001", "anew", at(12));
  EXPECT_EQ(watch_.next_wave({back}, 10, at(12)).size(), 1U);
}

TEST_F(PhoneWatchTest, DoesNotMissPhonesWhileTheRegistrarIsAway) {
  watch_.unreachable({"SEP000000000001"}, at(11));
  watch_.put_back(watch_.next_wave({}, 10, at(20)), at(20));
  watch_.next_wave({}, 10, at(200));
  EXPECT_EQ(watch_.unreachable({"SEP000000000001"}, at(200))[0].state, ItemState::waiting);
}

// Its fetch was the last thing that a file server did before it ended, and was not written down.
TEST_F(PhoneWatchTest, AsksAgainAPhoneThatCameBackWithNoKnownFetchTwiceAtMost) {
  core::ResetRow row = reset("SEP000000000001", 200);
  int now = 11;
  for (const char* call : {"second", "third"}) {
    const core::Registration back = registration("SEP000000000001", call, at(now));
    const Evidence evidence{{back}, fetch("SEP000000000001", "stale"), {row}};
    EXPECT_TRUE(watch_.observe(evidence, at(now + 5)).empty());
    const auto moved = watch_.observe(evidence, at(now + 6));
    ASSERT_EQ(moved.size(), 1U);
    EXPECT_EQ(moved[0].state, ItemState::waiting);
    ASSERT_EQ(watch_.next_wave({back}, 10, at(now + 6)).size(), 1U);
    // Neither the registration nor the row from before counts for the new reset.
    EXPECT_TRUE(watch_.observe(evidence, at(now + 30)).empty());
    row.sent_at = at(now + 6);
    row.answered_at = at(now + 7);
    now += 40;
  }
  const core::Registration back = registration("SEP000000000001", "fourth", at(now));
  EXPECT_TRUE(watch_.observe({{back}, {}, {row}}, at(now + 6)).empty());
  const auto moved = watch_.observe({{back}, {}, {row}}, at(now + 300));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::not_returned);
}

TEST_F(PhoneWatchTest, CountsAPhoneThatWasAskedAgainWhenItComesBackOnceMore) {
  const core::Registration second = registration("SEP000000000001", "second", at(11));
  watch_.observe({{second}, {}, {reset("SEP000000000001", 200)}}, at(17));
  watch_.next_wave({second}, 10, at(17));
  core::ResetRow row = reset("SEP000000000001", 200);
  row.sent_at = at(17);
  const Trust list = fetch("SEP000000000001", "good");
  EXPECT_TRUE(watch_.observe({{second}, list, {row}}, at(18)).empty());
  const core::Registration third = registration("SEP000000000001", "third", at(17));
  ASSERT_EQ(watch_.observe({{third}, list, {row}}, at(18)).size(), 1U);
  EXPECT_TRUE(watch_.finished());
}

TEST_F(PhoneWatchTest, AsksAgainWhenTheRegistrarEndedBeforeTheAnswerAndThePhoneIsStillThere) {
  const core::Registration old = registration("SEP000000000001", "old", at(1));
  const Evidence unanswered{{old}, {}, {reset("SEP000000000001", 0)}};
  EXPECT_TRUE(watch_.observe(unanswered, at(40)).empty());
  const auto moved = watch_.observe(unanswered, at(41));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::waiting);
}

TEST_F(PhoneWatchTest, WaitsForAPhoneThatUnregisteredThoughItsAnswerIsLost) {
  const Evidence gone{{}, {}, {reset("SEP000000000001", 0)}};
  EXPECT_TRUE(watch_.observe(gone, at(310)).empty());
  EXPECT_EQ(watch_.observe(gone, at(311))[0].state, ItemState::not_returned);
}

TEST_F(PhoneWatchTest, CountsAPhoneThatKeptItsOldListAsRefusedAndStillWelcomesIt) {
  const core::Registration back = registration("SEP000000000001", "new", at(11));
  const core::ResetRow row = reset("SEP000000000001", 200);
  const Evidence refused{{back}, stands("SEP000000000001", core::Acceptance::refused), {row}};
  EXPECT_TRUE(watch_.observe(refused, at(16)).empty()) << "a proof may still be on its way";
  auto moved = watch_.observe(refused, at(17));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::refused);
  EXPECT_EQ(moved[0].detail, "a reason");
  EXPECT_TRUE(watch_.finished());
  moved = watch_.observe({{back}, fetch("SEP000000000001", "good"), {row}}, at(20));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::returned);
  EXPECT_EQ(moved[0].detail, "");
}

TEST_F(PhoneWatchTest, CountsAPhoneWithoutProofAsUnproven) {
  const core::Registration back = registration("SEP000000000001", "new", at(11));
  const Evidence fetched{{back},
                         stands("SEP000000000001", core::Acceptance::fetched),
                         {reset("SEP000000000001", 200)}};
  EXPECT_TRUE(watch_.observe(fetched, at(16)).empty());
  const auto moved = watch_.observe(fetched, at(17));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::unproven);
  EXPECT_TRUE(watch_.finished());
}

TEST_F(PhoneWatchTest, AsksAgainWhenWhatCameAfterTheFetchWasNotSeen) {
  Trust awaited = stands("SEP000000000001", core::Acceptance::fetched);
  awaited.begin()->second.judgement.awaited = true;
  core::ResetRow row = reset("SEP000000000001", 200);
  int now = 11;
  for (unsigned i = 0; i < PhoneWatch::kAgainAtMost; ++i, now += 40) {
    const core::Registration back = registration("SEP000000000001", std::to_string(i), at(now));
    const auto moved = watch_.observe({{back}, awaited, {row}}, at(now + 6));
    ASSERT_EQ(moved.size(), 1U);
    EXPECT_EQ(moved[0].state, ItemState::waiting);
    watch_.next_wave({back}, 10, at(now + 6));
    row.sent_at = at(now + 6);
  }
  const core::Registration back = registration("SEP000000000001", "last", at(now));
  const auto moved = watch_.observe({{back}, awaited, {row}}, at(now + 6));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::unproven);
}

TEST_F(PhoneWatchTest, AStrangerAtAnotherAddressIsNotThePhonesReturn) {
  core::Registration stranger = registration("SEP000000000001", "strange", at(11));
  stranger.peer = "127.0.0.2:5060";
  const core::ResetRow row = reset("SEP000000000001", 200);
  const Trust accepted = stands("SEP000000000001", core::Acceptance::accepted, "127.0.0.1");
  EXPECT_TRUE(watch_.observe({{stranger}, accepted, {row}}, at(41)).empty());
  const auto moved = watch_.observe({{stranger}, accepted, {row}}, at(42));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::unproven);
  EXPECT_NE(moved[0].detail.find("127.0.0.2"), std::string::npos) << moved[0].detail;

  core::Registration itself = registration("SEP000000000001", "own", at(50));
  itself.peer = "127.0.0.1:49152";
  const auto back = watch_.observe({{stranger, itself}, accepted, {row}}, at(51));
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0].state, ItemState::returned);
}

TEST_F(PhoneWatchTest, TakesInAPhoneThatBootedWithTheOldList) {
  const std::string late = "SEP000000000002";
  const core::Registration booted = registration(late, "booted", at(20));
  const Evidence old_list{{booted}, stands(late, core::Acceptance::unknown), {}};
  EXPECT_EQ(watch_.asked_about({booted}), (std::vector<std::string>{"SEP000000000001", late}));
  EXPECT_TRUE(watch_.take_in(old_list, at(21)).empty()) << "its fetch may not be known yet";
  EXPECT_FALSE(watch_.finished());
  const auto taken = watch_.take_in(old_list, at(22));
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].phone, late);
  EXPECT_EQ(taken[0].state, ItemState::waiting);
  EXPECT_TRUE(watch_.take_in(old_list, at(23)).empty());
  EXPECT_EQ(watch_.next_wave({booted}, 10, at(23)).size(), 1U);
}

TEST_F(PhoneWatchTest, TakesInNobodyElse) {
  core::Registration stranger = registration("SEP000000000002", "x", at(20));
  stranger.peer = "127.0.0.2:5060";
  const core::Registration updated = registration("SEP000000000003", "x", at(20));
  const core::Registration soft = registration("CSFANNA", "x", at(20));
  Trust trust = stands("SEP000000000002", core::Acceptance::unknown, "127.0.0.1");
  trust.merge(stands("SEP000000000003", core::Acceptance::accepted));
  trust.merge(stands("CSFANNA", core::Acceptance::unknown));
  EXPECT_TRUE(watch_.take_in({{stranger, updated, soft}, trust, {}}, at(60)).empty());
  watch_.cancel_waiting(at(60));
  const core::Registration late = registration("SEP000000000004", "x", at(20));
  EXPECT_TRUE(
      watch_.take_in({{late}, stands("SEP000000000004", core::Acceptance::unknown), {}}, at(60))
          .empty())
      << "a job that is cancelled resets nobody";
}

core::ResetRow answered_by(const std::string& addresses) {
  core::ResetRow row = reset("SEP000000000001", 200);
  row.answered_by = addresses;
  return row;
}

core::Registration registered_at(const std::string& address) {
  core::Registration one = registration("SEP000000000001", "call-" + address, at(1));
  one.peer = address + ":5060";
  return one;
}

TEST(PhoneWatchAnswers, CountThatOfThePhonesAddressAlone) {
  const std::vector<core::Registration> both = {registered_at("10.0.0.5"),
                                                registered_at("10.6.6.6")};
  Trust trust = stands("SEP000000000001", core::Acceptance::unknown, "10.0.0.5");
  trust.begin()->second.proof = core::AddressProof::registered;
  PhoneWatch watch({{"SEP000000000001", ItemState::waiting, at(0)}}, {}, PhoneWatch::Goal::answer);
  watch.next_wave(both, 10, at(10));
  EXPECT_TRUE(watch.observe({both, trust, {answered_by("10.6.6.6")}}, at(12)).empty());
  auto moved = watch.observe({both, trust, {answered_by("10.6.6.6")}}, at(41));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::unproven);
  EXPECT_EQ(moved[0].detail,
            "10.6.6.6 answered, which is not the phone's address, and 10.0.0.5 did not");
  moved = watch.observe({both, trust, {answered_by("10.6.6.6 10.0.0.5")}}, at(50));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::returned);
}

TEST(PhoneWatchAnswers, OfOneOfSeveralAddressesThatRegisterAreNotKnownToBeThePhones) {
  const std::vector<core::Registration> both = {registered_at("10.0.0.5"),
                                                registered_at("10.6.6.6")};
  const Trust nothing = stands("SEP000000000001", core::Acceptance::unknown, "10.6.6.6");
  PhoneWatch doubtful({{"SEP000000000001", ItemState::waiting, at(0)}}, {},
                      PhoneWatch::Goal::answer);
  doubtful.next_wave(both, 10, at(10));
  const auto moved = doubtful.observe({both, nothing, {answered_by("10.6.6.6")}}, at(41));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::unproven);
  PhoneWatch alone({{"SEP000000000001", ItemState::waiting, at(0)}}, {}, PhoneWatch::Goal::answer);
  alone.next_wave({both[0]}, 10, at(10));
  ASSERT_EQ(alone.observe({both, nothing, {answered_by("10.0.0.5")}}, at(12)).size(), 1U);
}

TEST(PhoneWatchAnswers, OfOneOfSeveralAddressesAreDoubtedAfterARestartToo) {
  const std::vector<core::Registration> both = {registered_at("10.0.0.5"),
                                                registered_at("10.6.6.6")};
  const Trust nothing = stands("SEP000000000001", core::Acceptance::unknown, "10.6.6.6");
  const core::ResetRow row = answered_by("10.6.6.6");
  PhoneWatch resumed({{"SEP000000000001", ItemState::reset_sent, at(9)}}, {row},
                     PhoneWatch::Goal::answer);
  EXPECT_TRUE(resumed.observe({both, nothing, {row}}, at(12)).empty());
  const auto moved = resumed.observe({both, nothing, {row}}, at(41));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::unproven);
}

TEST(PhoneWatch, TakesUpFromTheRegistrarsRowsWhoWasAsked) {
  core::ResetRow row = reset("SEP000000000001", 200);
  PhoneWatch watch({{"SEP000000000001", ItemState::waiting, at(0)},
                    {"SEP000000000002", ItemState::reset_sent, at(10)}},
                   {row});
  const auto wave = watch.next_wave({}, 10, at(20));
  ASSERT_EQ(wave.size(), 1U);
  EXPECT_EQ(wave[0].phone, "SEP000000000002");
  const auto moved = watch.observe(
      {{registration("SEP000000000001", "new", at(11))}, fetch("SEP000000000001", "good"), {row}},
      at(21));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::returned);
}

TEST(PhoneWatch, AsksNoListOfASoftClient) {
  PhoneWatch watch({{"CSFANNA", ItemState::waiting, at(0)}}, {});
  watch.next_wave({}, 1, at(10));
  watch.observe({{registration("CSFANNA", "new", at(11))}, {}, {}}, at(12));
  EXPECT_TRUE(watch.finished());
}

TEST(PhoneWatch, SendsWavesWithinTheRoomThereIs) {
  std::vector<JobItem> items;
  for (int i = 0; i < 5; ++i)
    items.push_back({"SEP00000000000" + std::to_string(i), ItemState::waiting, at(0)});
  PhoneWatch watch(std::move(items), {});
  EXPECT_EQ(watch.next_wave({}, 3, at(1)).size(), 3U);
  EXPECT_EQ(watch.next_wave({}, 3, at(2)).size(), 0U);
  const auto refused = reset("SEP000000000000", 400);
  watch.observe({{}, {}, {refused}}, at(42));
  EXPECT_EQ(watch.next_wave({}, 3, at(42)).size(), 1U);
}

TEST_F(PhoneWatchTest, GivesAPhoneUpFiveMinutesAfterItsOwnResetAndStillWelcomesIt) {
  const core::Registration old = registration("SEP000000000001", "old", at(1));
  watch_.observe({{old}, {}, {reset("SEP000000000001", 200)}}, at(310));
  EXPECT_FALSE(watch_.finished());
  auto moved = watch_.observe({{old}, {}, {reset("SEP000000000001", 200)}}, at(311));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::not_returned);
  moved = watch_.observe({{registration("SEP000000000001", "new", at(400))},
                          fetch("SEP000000000001", "good"),
                          {reset("SEP000000000001", 200)}},
                         at(401));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::returned);
}

TEST_F(PhoneWatchTest, AsksAgainWhenTheRegistrarLostTheReset) {
  const core::Registration old = registration("SEP000000000001", "old", at(1));
  EXPECT_TRUE(watch_.observe({{old}, {}, {}}, at(70)).empty());
  const auto moved = watch_.observe({{old}, {}, {}}, at(71));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::waiting);
  EXPECT_EQ(watch_.next_wave({old}, 10, at(72)).size(), 1U);
}

TEST(PhoneWatch, NeverGivesUpAPhoneThatWasNotResetYet) {
  PhoneWatch watch({{"SEP000000000001", ItemState::waiting, at(0)}}, {});
  EXPECT_TRUE(watch.observe({}, at(100'000)).empty());
  EXPECT_FALSE(watch.finished());
}

TEST(PhoneWatch, PutsAWaveBackThatCouldNotBeAskedFor) {
  PhoneWatch watch({{"SEP000000000001", ItemState::waiting, at(0)}}, {});
  watch.put_back(watch.next_wave({}, 1, at(1)), at(2));
  EXPECT_FALSE(watch.finished());
  EXPECT_EQ(watch.next_wave({}, 1, at(3)).size(), 1U);
}

TEST_F(PhoneWatchTest, ACancelledJobWaitsForWhoAnsweredAlone) {
  watch_.cancel_waiting(at(11));
  EXPECT_TRUE(watch_.cancel_unanswered({}, at(12)).empty()) << "it may be answering just now";
  EXPECT_TRUE(watch_.cancel_unanswered({reset("SEP000000000001", 200)}, at(13)).empty());
  const auto moved = watch_.cancel_unanswered({reset("SEP000000000001", 0)}, at(13));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::cancelled);
  EXPECT_TRUE(watch_.finished());
}

TEST_F(PhoneWatchTest, ARemovedPhoneEnds) {
  EXPECT_TRUE(watch_.removed([](const std::string&) { return true; }, at(12)).empty());
  const auto moved = watch_.removed([](const std::string&) { return false; }, at(12));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::removed);
  EXPECT_TRUE(watch_.finished());
}

}  // namespace
}  // namespace ringfence::services::admin

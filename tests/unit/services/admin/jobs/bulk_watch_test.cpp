#include "services/admin/jobs/bulk_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/services/admin/jobs/watched_bulk.h"

namespace ringfence::services::admin {
namespace {

using core::ItemState;
using core::JobItem;
using core::Operation;
using core::OperationStatus;
using core::Outcome;
using core::ResetRow;
using core::Time;
using namespace watched_bulk;
using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(BulkWatchTest, CountsAnLscThatWentElsewhereAsUnprovenUntilThePhoneHasItsOwn) {
  apply(at(0));
  Outcome taken = outcome(OperationStatus::unproven, at(2));
  taken.peer = "10.9.9.9:49152";
  BulkEvidence evidence{{taken}, {}};
  evidence.homes[kPhone] = {"10.0.0.1"};
  EXPECT_EQ(state_after(evidence, at(2)), ItemState::unproven);
  EXPECT_EQ(detail_,
            "10.9.9.9 did it, which is not known to be the phone's address; the operation stays "
            "open for the phone");
  EXPECT_EQ(state_after(evidence, at(3)), std::nullopt);
  EXPECT_TRUE(watch_.finished());
  EXPECT_EQ(state_after({{outcome(OperationStatus::success, at(9))}, {}}, at(9)),
            ItemState::succeeded);
}

TEST_F(BulkWatchTest, FollowsAPhoneToItsSuccess) {
  apply(at(0));
  EXPECT_EQ(state_after({{}, {unanswered(at(1))}}, at(2)), std::nullopt);
  EXPECT_EQ(state_after({{}, {answered(200, at(1))}}, at(3)), ItemState::enrolling);
  EXPECT_FALSE(watch_.finished());
  EXPECT_EQ(state_after({{outcome(OperationStatus::success, at(9))}, {}}, at(9)),
            ItemState::succeeded);
  EXPECT_TRUE(watch_.finished());
  EXPECT_EQ(state_after({{outcome(OperationStatus::success, at(9))}, {}}, at(10)), std::nullopt);
}

TEST_F(BulkWatchTest, AnOlderRequestsOutcomeIsNotItsOwn) {
  apply(at(0));
  EXPECT_EQ(state_after({{outcome(OperationStatus::success, at(1), kRequest - 1)}, {}}, at(2)),
            std::nullopt);
}

TEST_F(BulkWatchTest, ALaterRequestTakesThePhoneOutOfTheJob) {
  apply(at(0));
  EXPECT_EQ(state_after({{outcome(OperationStatus::success, at(1), kRequest + 1)}, {}}, at(2)),
            ItemState::failed);
  EXPECT_EQ(detail_, "another operation was asked for it meanwhile");
}

TEST_F(BulkWatchTest, AWrongCredentialFailsAtOnceAndMayStillBecomeASuccess) {
  apply(at(0));
  EXPECT_EQ(state_after({{outcome(OperationStatus::invalid_auth_string, at(5))}, {}}, at(5)),
            ItemState::failed);
  EXPECT_EQ(detail_, "Upgrade Failed: Invalid Authentication String");
  EXPECT_TRUE(watch_.finished());
  EXPECT_EQ(state_after({{outcome(OperationStatus::invalid_auth_string, at(5))}, {}}, at(6)),
            std::nullopt);
  EXPECT_EQ(state_after({{outcome(OperationStatus::success, at(7))}, {}}, at(7)),
            ItemState::succeeded);
  EXPECT_EQ(detail_, "");
}

TEST_F(BulkWatchTest, ALostConnectionFailsOnlyWhenThePhoneHasStoppedTrying) {
  apply(at(0));
  const Outcome lost = outcome(OperationStatus::communication_failure, at(5));
  EXPECT_EQ(state_after({{lost}, {answered(200, at(1))}}, at(5)), ItemState::enrolling);
  EXPECT_FALSE(watch_.finished());
  EXPECT_EQ(state_after({{lost}, {}}, at(154)), std::nullopt);
  EXPECT_EQ(watch_.due(at(154)), std::vector<std::string>{});
  EXPECT_EQ(state_after({{lost}, {}}, at(155)), ItemState::failed);
  EXPECT_EQ(detail_, "Upgrade Failed: Phone Communication Failure");
  EXPECT_TRUE(watch_.finished());
}

TEST_F(BulkWatchTest, ATryAfterALostConnectionCounts) {
  apply(at(0));
  job_.observe({{outcome(OperationStatus::communication_failure, at(5))}, {}}, at(5));
  EXPECT_EQ(state_after({{outcome(OperationStatus::success, at(35))}, {}}, at(35)),
            ItemState::succeeded);
  EXPECT_EQ(state_after({}, at(400)), std::nullopt);
}

TEST_F(BulkWatchTest, APhoneThatIsNotRegisteredIsAwayUntilItComesOrItsTimeIsOver) {
  WatchedBulk other({{kPhone, ItemState::waiting, kStart}});
  apply(other, at(0));
  other.told({kPhone}, {kPhone}, at(1));
  apply(at(0));
  const auto moved = job_.told({kPhone}, {kPhone}, at(1));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::away);
  EXPECT_FALSE(watch_.any_on_way());
  EXPECT_EQ(state_after({}, kCompletesBy + BulkWatch::kGrace - std::chrono::seconds(1)),
            std::nullopt);
  EXPECT_EQ(state_after({}, kCompletesBy + BulkWatch::kGrace), ItemState::unreachable);
  EXPECT_EQ(detail_, "it is not registered");
  EXPECT_TRUE(watch_.finished());
  const auto came = other.observe({{outcome(OperationStatus::success, at(9000))}}, at(9000));
  ASSERT_EQ(came.size(), 1U);
  EXPECT_EQ(came[0].state, ItemState::succeeded);
}

TEST_F(BulkWatchTest, APhoneThatRefusesTheNotifyIsAwayAndToldAgainWhileItStays) {
  apply(at(0));
  EXPECT_EQ(state_after({{}, {answered(486, at(1))}}, at(2)), ItemState::away);
  EXPECT_EQ(detail_, "it refused the NOTIFY (486)");
  // One that came back since has read its configuration.
  EXPECT_EQ(state_after({}, at(70), {registered(at(3))}), std::nullopt);
  const core::Registration stayed = registered(at(-500));
  for (unsigned i = 0; i < BulkWatch::kAgainAtMost; ++i) {
    const int when = 100 * static_cast<int>(i + 1);
    ASSERT_EQ(state_after({}, at(when), {stayed}), ItemState::applied);
    EXPECT_THAT(watch_.to_tell().again, ElementsAre(kPhone));
    job_.told({kPhone}, {}, at(when));
    EXPECT_EQ(state_after({{}, {answered(486, at(1))}}, at(when + 1)), std::nullopt) << "old row";
    EXPECT_EQ(state_after({{}, {answered(486, at(when))}}, at(when + 1)), ItemState::away);
    EXPECT_EQ(state_after({}, at(when + 61), {stayed}), std::nullopt) << "it has a minute";
  }
  EXPECT_EQ(state_after({}, at(900), {stayed}), std::nullopt);
}

TEST_F(BulkWatchTest, ANotifyThatTheRegistrarLostIsAskedForAgain) {
  apply(at(0));
  EXPECT_EQ(state_after({}, at(60)), std::nullopt);
  EXPECT_THAT(watch_.to_tell().again, IsEmpty());
  EXPECT_EQ(state_after({}, at(61)), std::nullopt);
  EXPECT_THAT(watch_.to_tell().again, ElementsAre(kPhone));
  job_.told({kPhone}, {}, at(62));
  EXPECT_EQ(state_after({{}, {unanswered(at(63))}}, at(94)), std::nullopt);  // sent, and lost then
  EXPECT_THAT(watch_.to_tell().again, ElementsAre(kPhone));
  job_.told({kPhone}, {}, at(95));
  EXPECT_EQ(state_after({{}, {unanswered(at(96))}}, at(127)), ItemState::away);
  EXPECT_EQ(detail_, "it did not answer the NOTIFY");
}

TEST_F(BulkWatchTest, APhoneThatTookTheNotifyAndIsNotHeardOfRestartsWhenItsKeyMustBeDone) {
  apply(at(0));
  job_.observe({{}, {answered(200, at(1))}}, at(2));
  const core::Registration stayed = registered(at(-500));
  EXPECT_EQ(state_after({}, at(2402), {stayed}), std::nullopt);
  EXPECT_THAT(watch_.due(at(2402)), IsEmpty());
  EXPECT_THAT(watch_.due(at(2403)), ElementsAre(kPhone));
  ASSERT_EQ(state_after({}, at(2403), {stayed}), ItemState::applied);
  EXPECT_THAT(watch_.to_tell().first, IsEmpty());
  EXPECT_THAT(watch_.to_tell().again, ElementsAre(kPhone));
}

TEST_F(BulkWatchTest, ExpiresWhatIsPendingOrWaitsWhenTheTimeIsOver) {
  WatchedBulk waiting({{kPhone, ItemState::waiting, kStart}});
  apply(at(0));
  job_.observe({{}, {answered(200, at(1))}}, at(2));
  const Time over = kCompletesBy + BulkWatch::kGrace;
  EXPECT_EQ(state_after({}, over), ItemState::expired);
  EXPECT_TRUE(watch_.finished());
  EXPECT_EQ(waiting.observe({}, over).at(0).state, ItemState::expired);
  EXPECT_TRUE(waiting.watch.finished());
}

TEST_F(BulkWatchTest, CapfsWordThatItCameTooLateExpiresIt) {
  apply(at(0));
  EXPECT_EQ(state_after({{outcome(OperationStatus::late, at(5))}, {}}, at(5)), ItemState::expired);
  EXPECT_EQ(detail_, "Upgrade Failed: User Initiated Request Late/Timedout");
}

TEST_F(BulkWatchTest, CancelsWhoWaitsAndTakesBackWhatIsNotDone) {
  std::vector<JobItem> items;
  for (const auto& [name, state] : {std::pair{"CSFa", ItemState::waiting},
                                    {"CSFb", ItemState::away},
                                    {"CSFc", ItemState::enrolling},
                                    {"CSFd", ItemState::succeeded}})
    items.push_back({name, state, at(0), kRequest, ""});
  WatchedBulk job(items);
  BulkWatch& watch = job.watch;
  watch.want(core::JobWanted::cancel, at(1));
  const auto cancelled = watch.take_changes();
  ASSERT_EQ(cancelled.size(), 1U);
  EXPECT_EQ(cancelled[0].phone, "CSFa");
  auto taken_back = watch.to_withdraw();
  ASSERT_EQ(taken_back.size(), 2U) << "nobody waits for the one that is enrolling";
  for (JobItem& item : taken_back) item.state = ItemState::cancelled;
  watch.take(taken_back);
  EXPECT_TRUE(watch.finished());
  // What CAPF does of it after all no longer counts: the phone is in one state.
  EXPECT_THAT(
      job.observe({{{"CSFc", kRequest, Operation::install, OperationStatus::success, at(302)}}, {}},
                  at(302)),
      IsEmpty());
}

TEST(BulkWatchWaves, HaveAtMostSoManyOnTheirWay) {
  std::vector<JobItem> items;
  for (int i = 0; i < 10; ++i)
    items.push_back({"CSF" + std::to_string(i), ItemState::waiting, at(0), 0, ""});
  WatchedBulk job(items, {}, {.room = 4, .holds_room = BulkWatch::kOnWayFor});
  BulkWatch& watch = job.watch;
  const auto send = [&](Time now) {
    std::vector<JobItem> wave = watch.next_wave(now);
    for (JobItem& item : wave) item = {item.phone, ItemState::applied, now, kRequest, ""};
    watch.take(wave);
    job.told(watch.to_tell().first, {}, now);
    return wave.size();
  };
  EXPECT_EQ(send(at(0)), 4U);
  EXPECT_EQ(send(at(1)), 0U);
  job.observe({{{"CSF0", kRequest, Operation::install, OperationStatus::success, at(2)}},
               {{3, "CSF1", "apply-config", at(1), at(2), 200}}},
              at(2));
  EXPECT_EQ(send(at(2)), 1U);  // CSF0 is done; CSF1 is enrolling and still on its way
  job.told({}, {"CSF2"}, at(3));
  EXPECT_EQ(send(at(3)), 1U);  // CSF2 is away
  EXPECT_EQ(watch.next_wave(at(302)).size(), 0U);
  EXPECT_EQ(watch.next_wave(at(303)).size(), 1U);  // CSF1 takes long and holds up nobody
}

TEST(BulkWatchAfterACrash, TellsOnlyThoseWhomTheRegistrarDidNotTell) {
  const std::vector<JobItem> items = {{"CSFa", ItemState::applied, at(10), kRequest, ""},
                                      {"CSFb", ItemState::applied, at(10), kRequest, ""},
                                      {"CSFc", ItemState::enrolling, at(10), kRequest, ""},
                                      {"CSFd", ItemState::applied, at(10), kRequest, ""}};
  const BulkWatch watch(items,
                        {{3, "CSFa", "apply-config", at(10), at(11), 200},
                         {3, "CSFd", "apply-config", at(9), at(9), 200}},
                        kCompletesBy);
  EXPECT_THAT(watch.to_tell().first, ElementsAre("CSFb", "CSFd"));
}

TEST_F(BulkWatchTest, AStrangersFailureIsNotThePhones) {
  apply(at(1));
  for (const OperationStatus status :
       {OperationStatus::invalid_auth_string, OperationStatus::invalid_mic, OperationStatus::failed,
        OperationStatus::key_generation_failed}) {
    BulkEvidence evidence;
    evidence.outcomes = {outcome(status, at(2))};
    evidence.outcomes[0].peer = "10.6.6.6:40000";
    evidence.homes[kPhone] = {"10.0.0.2"};
    EXPECT_EQ(state_after(evidence, at(3)), std::nullopt) << static_cast<int>(status);
  }
  BulkEvidence contested;
  contested.outcomes = {outcome(OperationStatus::invalid_auth_string, at(3))};
  contested.outcomes[0].peer = "10.6.6.6:40000";
  contested.homes[kPhone] = {"10.0.0.2", "10.6.6.6"};
  EXPECT_EQ(state_after(contested, at(3)), std::nullopt) << "one REGISTER makes nobody the phone";
  BulkEvidence own;
  own.outcomes = {outcome(OperationStatus::invalid_auth_string, at(4))};
  own.outcomes[0].peer = "10.0.0.2:40000";
  own.homes[kPhone] = {"10.0.0.2"};
  EXPECT_EQ(state_after(own, at(5)), ItemState::failed);
  BulkEvidence success;
  success.outcomes = {outcome(OperationStatus::success, at(6))};
  success.outcomes[0].peer = "10.6.6.6:40000";
  success.homes = own.homes;
  EXPECT_EQ(state_after(success, at(7)), ItemState::succeeded) << "an LSC is an LSC";
}

TEST_F(BulkWatchTest, OneThatSucceedsAfterItsOperationWasTakenBackHasSucceeded) {
  apply(at(0));
  std::vector<JobItem> withdrawn = watch_.to_withdraw();
  ASSERT_EQ(withdrawn.size(), 1U);
  withdrawn[0].state = ItemState::cancelled;
  withdrawn[0].detail = BulkWatch::kTakenBack;
  watch_.take(withdrawn);
  EXPECT_TRUE(watch_.finished());
  EXPECT_TRUE(watch_.any_taken_back());
  const auto failed = outcome(OperationStatus::communication_failure, at(1));
  EXPECT_EQ(state_after({{failed}, {}}, at(2)), std::nullopt);
  const auto other = outcome(OperationStatus::success, at(2), kRequest - 1);
  EXPECT_EQ(state_after({{other}, {}}, at(2)), std::nullopt) << "of an earlier request";
  EXPECT_EQ(state_after({{outcome(OperationStatus::success, at(3))}, {}}, at(3)),
            ItemState::succeeded);
  EXPECT_FALSE(watch_.any_taken_back());
}

TEST_F(BulkWatchTest, OneThatWasCancelledBeforeItsTurnIsNotJudged) {
  watch_.want(core::JobWanted::cancel, at(1));
  const auto cancelled = watch_.take_changes();
  ASSERT_EQ(cancelled.size(), 1U);
  EXPECT_EQ(cancelled[0].detail, "cancelled before its turn");
  EXPECT_FALSE(watch_.any_taken_back());
  EXPECT_EQ(state_after({{outcome(OperationStatus::success, at(2), 0)}, {}}, at(2)), std::nullopt);
}

TEST_F(BulkWatchTest, ARemovedPhoneEndsAndIsNotTold) {
  apply(at(0));
  job_.observe({}, at(61));
  EXPECT_THAT(watch_.to_tell().again, ElementsAre(kPhone));
  const std::vector<JobItem> moved = job_.remove(kPhone, at(61));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::removed);
  EXPECT_THAT(watch_.to_tell().again, IsEmpty());
  EXPECT_TRUE(watch_.finished());
}

}  // namespace
}  // namespace ringfence::services::admin

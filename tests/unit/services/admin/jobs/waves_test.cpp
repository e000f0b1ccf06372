#include "services/admin/jobs/waves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringfence::services::admin {
namespace {

using core::ItemState;
using core::JobItem;
using core::Time;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Time at(int second) {
  return Time(seconds(1'000'000 + second));
}

/// Script is a policy that is told what to say.
class Script final : public WavePolicy {
 public:
  WaveNext judge(const WavePhone& phone, const PhoneLook& look, Limits& limits) override {
    looked.push_back(look.phone);
    if (limit && !limits.over(limit->first, limit->second))
      return {phone.item.state, phone.item.detail};
    return next.value_or(WaveNext{phone.item.state, phone.item.detail});
  }

  void meet(const PhoneLook& look, Limits& /*limits*/) override { met.push_back(look.phone); }

  std::optional<WaveNext> next;
  std::optional<std::pair<Time, seconds>> limit;
  std::vector<std::string> looked;
  std::vector<std::string> met;
};

PhoneLook look(const std::string& phone) {
  PhoneLook one;
  one.phone = phone;
  return one;
}

std::vector<JobItem> waiting(int count) {
  std::vector<JobItem> items;
  for (int i = 1; i <= count; ++i)
    items.push_back({"SEP" + std::to_string(i), ItemState::waiting, at(0)});
  return items;
}

/// ask moves whose turn it is to reset_sent and returns them.
std::vector<std::string> ask(Waves& waves, Time now) {
  std::vector<std::string> wave = waves.next(now);
  for (const std::string& name : wave) waves.move(name, ItemState::reset_sent, "", now);
  return wave;
}

TEST(Waves, AskAsManyAsThereIsRoomForAndTheNextWhenSomebodyIsBack) {
  Waves waves(waiting(5), {.room = 3, .at_once = 2});
  EXPECT_THAT(ask(waves, at(1)), ElementsAre("SEP1", "SEP2")) << "a wave's size";
  EXPECT_THAT(ask(waves, at(1)), ElementsAre("SEP3")) << "the room that is left";
  EXPECT_THAT(ask(waves, at(2)), IsEmpty());
  waves.move("SEP2", ItemState::returned, "", at(3));
  EXPECT_THAT(ask(waves, at(3)), ElementsAre("SEP4"));
}

TEST(Waves, LeaveWhoeverIsNotMovedWaiting) {
  Waves waves(waiting(1), {});
  EXPECT_THAT(waves.next(at(1)), ElementsAre("SEP1"));
  EXPECT_THAT(waves.next(at(2)), ElementsAre("SEP1"));
  EXPECT_THAT(waves.take_changes(), IsEmpty());
}

TEST(Waves, GiveRoomToTheNextWhenAPhoneTakesLong) {
  Waves waves(waiting(2), {.room = 1, .holds_room = seconds(300)});
  ask(waves, at(0));
  EXPECT_THAT(waves.next(at(300)), IsEmpty());
  EXPECT_THAT(waves.next(at(301)), ElementsAre("SEP2"));
  EXPECT_THAT(waves.in(ItemState::reset_sent), ElementsAre("SEP1"));
}

TEST(Waves, PutAPhoneOffUntilItsTimeOrUntilItIsCalledUp) {
  Waves waves(waiting(2), {});
  waves.put_off("SEP1", at(5));
  waves.put_off("SEP2", at(50));
  EXPECT_THAT(waves.next(at(4)), IsEmpty());
  EXPECT_THAT(waves.next(at(5)), ElementsAre("SEP1"));
  waves.call_up("SEP2");
  EXPECT_THAT(waves.next(at(6)), ElementsAre("SEP1", "SEP2"));
}

TEST(Waves, AskNobodyWhileTheyArePaused) {
  Waves waves(waiting(1), {});
  waves.want(core::JobWanted::pause, at(1));
  EXPECT_THAT(waves.next(at(1)), IsEmpty());
  EXPECT_FALSE(waves.finished());
  waves.want(core::JobWanted::run, at(2));
  EXPECT_THAT(waves.next(at(2)), ElementsAre("SEP1"));
}

TEST(Waves, CancelWhoWaitsAndWhoWouldWaitAgain) {
  Waves waves(waiting(2), {.room = 1});
  ask(waves, at(1));
  waves.want(core::JobWanted::cancel, at(2), "why");
  EXPECT_EQ(waves.at("SEP2").item.state, ItemState::cancelled);
  EXPECT_EQ(waves.at("SEP2").item.detail, "why");
  EXPECT_FALSE(waves.finished()) << "one is on its way";
  Script script;
  script.next = WaveNext{ItemState::waiting, "", true};
  waves.observe({look("SEP1")}, script, at(3));
  EXPECT_EQ(waves.at("SEP1").item.state, ItemState::cancelled);
  EXPECT_TRUE(waves.finished());
}

TEST(Waves, TellWhatChangedOnce) {
  Waves waves(waiting(3), {});
  Script script;
  script.next = WaveNext{ItemState::returned};
  waves.observe({look("SEP2")}, script, at(7));
  const auto changes = waves.take_changes();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].phone, "SEP2");
  EXPECT_EQ(changes[0].changed, at(7));
  EXPECT_THAT(waves.take_changes(), IsEmpty());
  script.next.reset();
  waves.observe({look("SEP2")}, script, at(8));
  EXPECT_THAT(waves.take_changes(), IsEmpty()) << "it stays where it is";
}

TEST(Waves, LookAtNobodyButWhomTheyAreShown) {
  Waves waves(waiting(100), {});
  Script script;
  waves.observe({look("SEP7"), look("SEP-other")}, script, at(1));
  EXPECT_THAT(script.looked, ElementsAre("SEP7"));
  EXPECT_THAT(script.met, ElementsAre("SEP-other"));
  EXPECT_THAT(waves.due(at(1'000'000)), IsEmpty());
}

TEST(Waves, JudgeAPhoneOnceMoreWhenItsLimitIsOver) {
  Waves waves(waiting(1), {});
  ask(waves, at(0));
  Script script;
  script.limit = {at(0), seconds(30)};
  script.next = WaveNext{ItemState::not_returned, "gone"};
  waves.observe({look("SEP1")}, script, at(10));
  EXPECT_THAT(waves.due(at(30)), IsEmpty());
  EXPECT_THAT(waves.due(at(31)), ElementsAre("SEP1"));
  waves.observe({look("SEP1")}, script, at(31));
  EXPECT_EQ(waves.at("SEP1").item.state, ItemState::not_returned);
  EXPECT_THAT(waves.due(at(1000)), IsEmpty()) << "it has no limit any more";
}

TEST(Waves, CountHowOftenAPhoneIsAskedAgain) {
  Waves waves(waiting(1), {});
  ask(waves, at(0));
  Script script;
  script.next = WaveNext{ItemState::waiting, "", true};
  waves.observe({look("SEP1")}, script, at(1));
  EXPECT_EQ(waves.at("SEP1").asked_again, 1U);
  EXPECT_THAT(ask(waves, at(1)), ElementsAre("SEP1"));
}

TEST(Waves, EndAPhoneThatSomebodyRemovedUnlessItHasEnded) {
  Waves waves(waiting(2), {});
  waves.move("SEP2", ItemState::returned, "", at(1));
  Script script;
  std::vector<PhoneLook> gone = {look("SEP1"), look("SEP2")};
  for (PhoneLook& one : gone) one.known = false;
  waves.observe(gone, script, at(2));
  EXPECT_EQ(waves.at("SEP1").item.state, ItemState::removed);
  EXPECT_EQ(waves.at("SEP2").item.state, ItemState::returned);
  EXPECT_TRUE(waves.finished());
}

TEST(Waves, TakeInAFurtherPhone) {
  Waves waves({}, {});
  EXPECT_TRUE(waves.finished());
  waves.add({"SEP9", ItemState::waiting, at(1)});
  EXPECT_FALSE(waves.finished());
  EXPECT_EQ(waves.take_changes().size(), 1U);
  EXPECT_THAT(waves.next(at(1)), ElementsAre("SEP9"));
}

TEST(Waves, CountWhoStandsWhere) {
  Waves waves(waiting(3), {.room = 1});
  ask(waves, at(1));
  waves.add({"SEP9", ItemState::returned, at(1)});
  EXPECT_EQ(waves.counts().total, 4U);
  EXPECT_EQ(waves.counts().of(ItemState::waiting), 2U);
  waves.want(core::JobWanted::cancel, at(2));
  EXPECT_FALSE(waves.counts().by_state.contains(ItemState::waiting)) << "as the store has it";
  EXPECT_EQ(waves.counts().of(ItemState::cancelled), 2U);
  EXPECT_EQ(waves.counts().of(ItemState::reset_sent), 1U);
}

TEST(Deadlines, ComeInTheirOrderAndOnce) {
  Deadlines deadlines;
  deadlines.set("b", at(2));
  deadlines.set("a", at(3));
  deadlines.set("c", at(9));
  deadlines.set("c", at(1));
  deadlines.set("d", at(1));
  deadlines.clear("d");
  EXPECT_THAT(deadlines.take_due(at(0)), IsEmpty());
  EXPECT_THAT(deadlines.take_due(at(3)), ElementsAre("c", "b", "a"));
  EXPECT_THAT(deadlines.take_due(at(99)), IsEmpty());
}

}  // namespace
}  // namespace ringfence::services::admin

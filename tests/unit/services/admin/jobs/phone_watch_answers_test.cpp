#include <gtest/gtest.h>

#include "services/admin/jobs/phone_watch.h"
#include "tests/unit/services/admin/jobs/watched_job.h"

namespace ringfence::services::admin {
namespace {

using core::ItemState;

const std::string kPhone = OnePhone::kName;

core::ResetRow answered_by(const std::string& addresses) {
  core::ResetRow row = reset(kPhone, 200);
  row.answered_by = addresses;
  return row;
}

TEST(PhoneWatchAnswers, CountThatOfThePhonesAddressAlone) {
  const std::vector<core::Registration> both = {registered_at(kPhone, "10.0.0.5"),
                                                registered_at(kPhone, "10.6.6.6")};
  Trust trust = stands(kPhone, core::Acceptance::unknown, "10.0.0.5");
  trust.begin()->second.proof = core::AddressProof::registered;
  WatchedJob watch({{kPhone, ItemState::waiting, at(0)}}, {}, PhoneWatch::Goal::answer);
  watch.ask(both, at(10));
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
  const std::vector<core::Registration> both = {registered_at(kPhone, "10.0.0.5"),
                                                registered_at(kPhone, "10.6.6.6")};
  const Trust nothing = stands(kPhone, core::Acceptance::unknown, "10.6.6.6");
  WatchedJob doubtful({{kPhone, ItemState::waiting, at(0)}}, {}, PhoneWatch::Goal::answer);
  doubtful.ask(both, at(10));
  const auto moved = doubtful.observe({both, nothing, {answered_by("10.6.6.6")}}, at(41));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::unproven);
  WatchedJob alone({{kPhone, ItemState::waiting, at(0)}}, {}, PhoneWatch::Goal::answer);
  alone.ask({both[0]}, at(10));
  ASSERT_EQ(alone.observe({both, nothing, {answered_by("10.0.0.5")}}, at(12)).size(), 1U);
}

TEST(PhoneWatchAnswers, OfOneOfSeveralAddressesAreDoubtedAfterARestartToo) {
  const std::vector<core::Registration> both = {registered_at(kPhone, "10.0.0.5"),
                                                registered_at(kPhone, "10.6.6.6")};
  const Trust nothing = stands(kPhone, core::Acceptance::unknown, "10.6.6.6");
  const core::ResetRow row = answered_by("10.6.6.6");
  WatchedJob resumed({{kPhone, ItemState::reset_sent, at(9)}}, {row}, PhoneWatch::Goal::answer);
  EXPECT_TRUE(resumed.observe({both, nothing, {row}}, at(12)).empty());
  const auto moved = resumed.observe({both, nothing, {row}}, at(41));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].state, ItemState::unproven);
}

}  // namespace
}  // namespace ringfence::services::admin

// Whose signs count: the phone's address, and what others do in its name.
#include "core/phones/acceptance.h"
#include "tests/unit/core/phones/acceptance_fixture.h"

namespace ringfence::core {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(AcceptanceTest, WhatAnotherAddressDoesProvesNothing) {
  holds("l2");
  sign(list_fetched, "l3", seconds(0), kElsewhere);
  sign(signed_config, "CM2", seconds(1), kElsewhere);
  sign(itl_reported, "l3", seconds(2), kElsewhere);
  EXPECT_EQ(on("l3"), Acceptance::unknown);
  EXPECT_THAT(verdict("l3").evidence, HasSubstr("address changed from 10.0.0.5 to 10.0.0.66"));
}

TEST_F(AcceptanceTest, WhatAnotherAddressDoesTakesNothingAway) {
  holds("l3");
  sign(itl_reported, "l1", seconds(2), kElsewhere);
  sign(tls_refused, "TVS1", seconds(2), kElsewhere);
  EXPECT_EQ(on("l3"), Acceptance::accepted);
}

TEST_F(AcceptanceTest, APhoneThatProvesWhoItIsHasMoved) {
  holds("l2");
  sign(list_fetched, "l3", seconds(0), kElsewhere);
  sign(signed_config, "CM2", seconds(1), kElsewhere);
  sign(identified, "", seconds(5), kElsewhere);
  EXPECT_EQ(on("l3"), Acceptance::accepted);
  EXPECT_THAT(verdict("l3").evidence, Not(HasSubstr("address changed")));
  EXPECT_EQ(believe(lists(), before_, signs_).proven.peer, kElsewhere);
}

TEST_F(AcceptanceTest, TheFirstAddressOfAnUnknownPhoneIsItsOwn) {
  newcomer();
  sign(list_fetched, "l3", seconds(0));
  sign(itl_reported, "l3", seconds(1), kElsewhere);
  EXPECT_EQ(on("l3"), Acceptance::fetched);
  EXPECT_EQ(believe(lists(), before_, signs_).proven.peer, kHome);
}

TEST_F(AcceptanceTest, AVisitToCapfInAPhonesNameMakesNoAddressItsOwn) {
  newcomer();
  sign(tls_trusted, "CAPF2", seconds(0), kElsewhere);
  EXPECT_EQ(on("l3"), Acceptance::unknown);
  EXPECT_EQ(believe(lists(), before_, signs_).proven.peer, "");
  EXPECT_THAT(verdict("l3").evidence, HasSubstr("; 10.0.0.66 came in its name at "));
  sign(list_fetched, "l4", seconds(1));
  sign(registered, "", seconds(2));
  sign(tls_trusted, "CAPF2", seconds(3), kElsewhere);
  const Belief belief = believe(lists(), before_, signs_);
  EXPECT_EQ(belief.proven.peer, kHome);
  EXPECT_EQ(belief.proven.address_proof, AddressProof::registered);
  EXPECT_EQ(on("l4"), Acceptance::fetched);
}

TEST_F(AcceptanceTest, WhatIsAwaitedHasTheTimeOfItsFetch) {
  sign(list_fetched, "l3", seconds(1));
  const Judgement found = verdict("l3");
  EXPECT_TRUE(found.awaited);
  EXPECT_EQ(found.fetched_at, at(seconds(1)));
}

TEST_F(AcceptanceTest, AnAddressThatNeitherRegisteredNorProvedItselfProvesNothing) {
  newcomer();
  sign(plain_config, "", seconds(0), kElsewhere);
  sign(list_fetched, "l3", seconds(1), kElsewhere);
  sign(signed_config, "CM2", seconds(2), kElsewhere);
  EXPECT_EQ(on("l3"), Acceptance::fetched);
  EXPECT_THAT(verdict("l3").evidence,
              HasSubstr("but 10.0.0.66 has neither registered nor proven itself to CAPF"));
  sign(registered, "", seconds(3), kElsewhere);
  EXPECT_EQ(on("l3"), Acceptance::accepted);
}

TEST_F(AcceptanceTest, ThePhoneThatRegistersTakesItsPlaceFromWhoOnlyFetched) {
  newcomer();
  sign(plain_config, "", seconds(0), kElsewhere);
  sign(list_fetched, "l4", seconds(1), kElsewhere);
  sign(signed_config, "CM2", seconds(2), kElsewhere);
  sign(list_fetched, "l4", seconds(10));
  sign(signed_config, "CM2", seconds(11));
  sign(registered, "", seconds(12));
  EXPECT_EQ(on("l4"), Acceptance::fetched) << "what a stranger showed is not known of the phone";
  EXPECT_EQ(verdict("l4").holds, "");
  const Belief belief = believe(lists(), before_, signs_);
  EXPECT_EQ(belief.proven.peer, kHome);
  EXPECT_EQ(belief.proven.sha1, "");
  // The same when the stranger was judged before the phone came.
  before_ = {kPhone, "l4", kElsewhere, "asked for this and that", at(seconds(2))};
  EXPECT_EQ(on("l4"), Acceptance::fetched);
  EXPECT_EQ(believe(lists(), before_, signs_).proven.peer, kHome);
}

TEST_F(AcceptanceTest, TwoAddressesThatRegisterAreDoubtUntilOneProvesItself) {
  newcomer();
  sign(plain_config, "", seconds(0), kElsewhere);
  sign(list_fetched, "l3", seconds(1), kElsewhere);
  sign(signed_config, "CM2", seconds(2), kElsewhere);
  sign(registered, "", seconds(3), kElsewhere);
  EXPECT_EQ(on("l3"), Acceptance::accepted) << "nothing else is known of this phone";
  sign(list_fetched, "l3", seconds(10));
  sign(registered, "", seconds(12));
  EXPECT_EQ(on("l3"), Acceptance::fetched);
  EXPECT_THAT(verdict("l3").evidence,
              HasSubstr("another address registered as this phone since, 10.0.0.5, and"));
  sign(identified, "", seconds(20));
  const Belief belief = believe(lists(), before_, signs_);
  EXPECT_EQ(belief.proven.peer, kHome);
  EXPECT_EQ(belief.proven.address_proof, AddressProof::identified);
  EXPECT_EQ(belief.contested_by, "");
  EXPECT_THAT(verdict("l3").holds, "") << "what the stranger held is forgotten";
}

TEST_F(AcceptanceTest, AnAddressWithoutProofGivesWayWhenItIsSilent) {
  newcomer();
  sign(list_fetched, "l3", -hours(2), kElsewhere);
  sign(list_fetched, "l3", seconds(0));
  sign(itl_reported, "l3", seconds(1));
  sign(registered, "", seconds(1));
  EXPECT_EQ(on("l3"), Acceptance::accepted);
  before_ = believe(lists(), before_, signs_).proven;
  EXPECT_EQ(before_.peer, kHome);
  // What is proven does not give way.
  sign(list_fetched, "l4", hours(5), kElsewhere);
  sign(signed_config, "CM2", hours(5) + seconds(1), kElsewhere);
  EXPECT_EQ(on("l4"), Acceptance::unknown);
}

TEST_F(AcceptanceTest, AnAddressThatRegisteredGivesWayToOneThatDoesSoOnly) {
  sign(registered, "", seconds(0));
  sign(list_fetched, "l3", hours(2), kElsewhere);
  EXPECT_EQ(believe(lists(), before_, signs_).proven.peer, kHome);
  sign(registered, "", hours(2) + seconds(1), kElsewhere);
  EXPECT_EQ(believe(lists(), before_, signs_).proven.peer, kElsewhere);
}

TEST_F(AcceptanceTest, AnAddressThatRefreshesIsNotSilent) {
  sign(registered, "", seconds(0));
  sign(registered, "", hours(2), kElsewhere);
  sign(list_fetched, "l3", hours(2), kElsewhere);
  const auto home = [&](const Present& present, TrustSign::Time seen) {
    return believe(lists(), before_, signs_, present, seen).proven.peer;
  };
  EXPECT_EQ(home({}, {}), kElsewhere);
  EXPECT_EQ(home({{kHome, at(hours(2))}, {kElsewhere, at(hours(2))}}, {}), kHome);
  EXPECT_EQ(home({{kElsewhere, at(hours(2))}}, at(minutes(90))), kHome) << "it has just gone";
  const Belief now = believe(lists(), before_, signs_, {{kHome, at(hours(2))}}, {});
  EXPECT_EQ(now.home_seen, at(hours(2)));
}

TEST_F(AcceptanceTest, AContestEndsWhenTheOtherHasGoneAndThePhoneGoesOn) {
  sign(list_fetched, "l3", seconds(0));
  sign(itl_reported, "l3", seconds(1));
  sign(registered, "", seconds(1));
  sign(registered, "", minutes(5), kElsewhere);
  const Belief belief = believe(lists(), before_, signs_);
  ASSERT_EQ(belief.contested_by, kElsewhere);
  EXPECT_FALSE(contest_over(belief, {})) << "the phone is off";
  EXPECT_FALSE(contest_over(belief, {{kElsewhere, at(minutes(9))}}));
  EXPECT_FALSE(contest_over(belief, {{kHome, at(minutes(9))}, {kElsewhere, at(minutes(5))}}));
  EXPECT_FALSE(contest_over(belief, {{kHome, at(minutes(3))}})) << "it has not refreshed since";
  EXPECT_TRUE(contest_over(belief, {{kHome, at(minutes(9))}}));
}

// Whichever of the two refreshed last: a sign of each comes every few minutes.
TEST_F(AcceptanceTest, AContestLastsAsLongAsBothAreRegistered) {
  sign(list_fetched, "l3", seconds(0));
  sign(registered, "", seconds(1));
  sign(registered, "", minutes(5), kElsewhere);
  sign(itl_reported, "l3", minutes(6));
  sign(registered, "", minutes(6));
  const Belief both =
      believe(lists(), before_, signs_, {{kHome, at(minutes(7))}, {kElsewhere, at(minutes(8))}});
  EXPECT_EQ(both.contested_by, kElsewhere);
  EXPECT_EQ(judge(lists(), both, "l3").acceptance, Acceptance::fetched);
  EXPECT_FALSE(contest_over(both, {{kHome, at(minutes(8))}}));
  EXPECT_TRUE(contest_over(both, {{kHome, at(minutes(9))}})) << "the other has gone";
  // Also of what was proven when the other had not yet come again.
  const Belief later = believe(lists(), both.proven, signs_,
                               {{kHome, at(minutes(7))}, {kElsewhere, at(minutes(8))}});
  EXPECT_EQ(later.contested_by, kElsewhere);
  const Belief alone = believe(lists(), before_, signs_, {{kHome, at(minutes(7))}});
  EXPECT_EQ(alone.contested_by, "");
  EXPECT_EQ(judge(lists(), alone, "l3").acceptance, Acceptance::accepted);
}

TEST_F(AcceptanceTest, AReportOfAPhoneThatFetchedNothingProvesNothing) {
  sign(registered, "", seconds(0));
  sign(itl_reported, "l3", seconds(1));
  EXPECT_EQ(on("l3"), Acceptance::fetched);
  EXPECT_THAT(verdict("l3").evidence, HasSubstr("has not fetched one from this node"));
  EXPECT_EQ(on("l2"), Acceptance::unknown);
}

TEST_F(AcceptanceTest, TheOrderInWhichSignsAreReadDoesNotMatter) {
  holds("l1");
  sign(signed_config, "CM2", seconds(2));
  sign(list_fetched, "l2", seconds(0));
  sign(tvs_vouched, "CM2", seconds(1));
  EXPECT_EQ(on("l2"), Acceptance::accepted);
}

}  // namespace
}  // namespace ringfence::core

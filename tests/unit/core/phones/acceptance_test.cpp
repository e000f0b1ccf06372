// What shows that a phone believes a list, or refused it.
#include "core/phones/acceptance.h"

#include "tests/unit/core/phones/acceptance_fixture.h"

namespace ringfence::core {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(AcceptanceTest, NothingIsKnownOfAPhoneThatNeverCame) {
  newcomer();
  EXPECT_EQ(on("l1"), Acceptance::unknown);
  EXPECT_EQ(verdict("l1").evidence, "no fetch of a trust list from this node is known");
}

TEST_F(AcceptanceTest, AFetchAloneProvesNothing) {
  holds("l1");
  sign(list_fetched, "l2", seconds(0));
  EXPECT_EQ(on("l2"), Acceptance::fetched);
  EXPECT_EQ(verdict("l2").holds, "l1");
}

TEST_F(AcceptanceTest, TheSameSignerAndThenItsConfigurationIsProof) {
  holds("l2");
  sign(list_fetched, "l3", seconds(0));
  sign(signed_config, "CM2", seconds(2));
  EXPECT_EQ(on("l3"), Acceptance::accepted);
  EXPECT_EQ(verdict("l3").holds, "l3");
  EXPECT_EQ(verdict("l3").evidence,
            "asked for its configuration, signed by CallManager CM2, 2 s after it fetched the "
            "list, whose signer, CallManager CM2, its list before names");
}

TEST_F(AcceptanceTest, AnUnknownSignerWithoutAQuestionIsARefusal) {
  holds("l1");
  sign(list_fetched, "l2", seconds(0));
  sign(signed_config, "CM2", seconds(2));
  EXPECT_EQ(on("l2"), Acceptance::refused);
  EXPECT_EQ(verdict("l2").holds, "l1");
  EXPECT_THAT(verdict("l2").evidence, HasSubstr("did not ask TVS about the list's signer, "
                                                "CallManager CM2"));
}

TEST_F(AcceptanceTest, AnUnknownSignerThatTvsVouchedForIsProof) {
  holds("l1");
  sign(list_fetched, "l2", seconds(0));
  sign(tvs_vouched, "CM2", seconds(1));
  sign(signed_config, "CM2", seconds(2));
  EXPECT_EQ(on("l2"), Acceptance::accepted);
  EXPECT_THAT(verdict("l2").evidence, HasSubstr("heard from TVS"));
}

TEST_F(AcceptanceTest, TvsIsRememberedForADayAndNoLonger) {
  holds("l1");
  sign(tvs_vouched, "CM2", -hours(23));
  sign(list_fetched, "l2", seconds(0));
  sign(signed_config, "CM2", seconds(2));
  before_.at = at(-minutes(1));  // the answer came before the proof, and still counts
  EXPECT_EQ(on("l2"), Acceptance::accepted);
  signs_.front().at = at(-hours(25));
  EXPECT_EQ(on("l2"), Acceptance::refused);
}

TEST_F(AcceptanceTest, TvsThatAnswersTooLateRevealsTheRefusal) {
  // TVS was away when the list came, and there when the configuration did.
  holds("l1");
  sign(list_fetched, "l2", seconds(0));
  sign(signed_config, "CM2", seconds(2));
  sign(tvs_vouched, "CM2", seconds(3));
  EXPECT_EQ(on("l2"), Acceptance::refused);
}

TEST_F(AcceptanceTest, AQuestionAboutWhatTheListNamesShowsThatItIsNotHeld) {
  // Whatever it held before: who asks about CM2 holds no list that names it.
  sign(list_fetched, "l2", seconds(0));
  sign(signed_config, "CM2", seconds(2));
  EXPECT_EQ(on("l2"), Acceptance::fetched);
  sign(tvs_vouched, "CM2", seconds(3));
  EXPECT_EQ(on("l2"), Acceptance::refused);
  EXPECT_THAT(verdict("l2").evidence, HasSubstr("asked TVS about CallManager CM2"));
}

TEST_F(AcceptanceTest, WhatTvsDeniesIsRefused) {
  holds("l1");
  sign(list_fetched, "l2", seconds(0));
  sign(tvs_denied, "CM2", seconds(1));
  EXPECT_EQ(on("l2"), Acceptance::refused);
  sign(signed_config, "CM2", seconds(2));
  EXPECT_EQ(on("l2"), Acceptance::refused);
}

TEST_F(AcceptanceTest, AnUnknownPastStaysUnprovenUntilSomethingProves) {
  sign(list_fetched, "l3", seconds(0));
  sign(signed_config, "CM2", seconds(2));
  EXPECT_EQ(on("l3"), Acceptance::fetched);
  EXPECT_EQ(verdict("l3").holds, "");
  EXPECT_THAT(verdict("l3").evidence, HasSubstr("not known"));
  sign(itl_reported, "l3-sha256", seconds(3));
  EXPECT_EQ(on("l3"), Acceptance::accepted);
  EXPECT_THAT(verdict("l3").evidence, HasSubstr("said in an alarm"));
}

TEST_F(AcceptanceTest, AnUnknownPastIsProvenByAVouchedSignerToo) {
  sign(list_fetched, "l2", seconds(0));
  sign(tvs_vouched, "CM2", seconds(1));
  sign(signed_config, "CM2", seconds(2));
  EXPECT_EQ(on("l2"), Acceptance::accepted);
}

TEST_F(AcceptanceTest, WhatAPhoneOfUnknownPastRememberedFromTvsIsNoProof) {
  sign(tvs_vouched, "CM2", -hours(1));
  sign(list_fetched, "l2", seconds(0));
  sign(signed_config, "CM2", seconds(2));
  EXPECT_EQ(on("l2"), Acceptance::fetched);
}

TEST_F(AcceptanceTest, APhoneThatHeldNothingTakesTheFirstOnFaith) {
  sign(plain_config, "", -seconds(60));
  sign(list_fetched, "l3", seconds(0));
  EXPECT_EQ(on("l3"), Acceptance::fetched);
  sign(signed_config, "CM2", seconds(1));
  EXPECT_EQ(on("l3"), Acceptance::accepted);
  EXPECT_THAT(verdict("l3").evidence, HasSubstr("having held none before"));
}

TEST_F(AcceptanceTest, APhoneThatAsksForThePlainFileAfterTheListTookNone) {
  sign(list_fetched, "l3", seconds(0));
  sign(plain_config, "", seconds(1));
  EXPECT_EQ(on("l3"), Acceptance::refused);
}

TEST_F(AcceptanceTest, TrustInACertificateThatOnlyTheNewListNamesIsProof) {
  holds("l2");
  sign(list_fetched, "l4", seconds(0));
  sign(tls_trusted, "TVS2", seconds(5));
  EXPECT_EQ(on("l4"), Acceptance::accepted);
  EXPECT_THAT(verdict("l4").evidence, HasSubstr("only this one names"));
}

TEST_F(AcceptanceTest, TrustInACertificateThatTheOldListNamesTooIsNone) {
  holds("l1");
  sign(list_fetched, "l2", seconds(0));
  sign(tls_trusted, "CAPF1", seconds(5));
  EXPECT_EQ(on("l2"), Acceptance::fetched);
  sign(signed_config, "CM2", seconds(6));
  EXPECT_EQ(on("l2"), Acceptance::refused);
}

TEST_F(AcceptanceTest, ANewPhoneThatEnrolsProvesItsListByWhatCouldHaveVerifiedIt) {
  // It trusts CAPF2, so it holds list 3 or 4; list 3 could have verified list 4.
  sign(list_fetched, "l4", seconds(0));
  sign(signed_config, "CM2", seconds(1));
  sign(tls_trusted, "CAPF2", seconds(2));
  EXPECT_EQ(on("l4"), Acceptance::accepted);
}

TEST_F(AcceptanceTest, AListBeforeTheOldestKnownMayNameTheCertificateToo) {
  PublishedLists pruned = lists();
  pruned.complete = false;
  signs_ = {};
  sign(list_fetched, "l1", seconds(0));
  sign(signed_config, "CM1", seconds(1));
  sign(tls_trusted, "CAPF1", seconds(2));
  const Belief belief = believe(pruned, before_, signs_);
  EXPECT_NE(judge(pruned, belief, "l1").acceptance, Acceptance::accepted);
}

TEST_F(AcceptanceTest, AnAlertTowardsAServerThatTheListNamesIsARefusal) {
  holds("l3");
  sign(list_fetched, "l4", seconds(0));
  sign(signed_config, "CM2", seconds(1));
  EXPECT_EQ(on("l4"), Acceptance::accepted);
  sign(tls_refused, "TVS2", seconds(2));
  EXPECT_EQ(on("l4"), Acceptance::refused);
}

TEST_F(AcceptanceTest, AnAlertOnTheWayToTheSignerIsARefusalAtOnce) {
  holds("l1");
  sign(list_fetched, "l4", seconds(0));
  sign(tls_refused, "TVS2", seconds(1));
  EXPECT_EQ(on("l4"), Acceptance::refused);
  EXPECT_THAT(verdict("l4").evidence, HasSubstr("refused TLS"));
}

TEST_F(AcceptanceTest, AConnectionWithoutAWordCountsOnTheWayToTheSignerOnly) {
  holds("l3");
  sign(tls_left, "TVS2", -seconds(1));
  sign(list_fetched, "l4", seconds(0));
  sign(tls_left, "TVS2", seconds(1));
  sign(signed_config, "CM2", seconds(2));
  sign(tls_left, "TVS2", seconds(3));
  EXPECT_EQ(on("l4"), Acceptance::accepted) << "it could verify the list, and needed no TVS";
  holds("l1");
  EXPECT_EQ(on("l4"), Acceptance::refused);
}

TEST_F(AcceptanceTest, AnAlertTowardsAnOldCertificateProvesNothingAboutTheNewList) {
  holds("l3");
  sign(list_fetched, "l4", seconds(0));
  sign(signed_config, "CM2", seconds(1));
  sign(tls_refused, "TVS1", seconds(2));
  EXPECT_EQ(on("l4"), Acceptance::accepted);
}

TEST_F(AcceptanceTest, AnAlarmAboutAFailedUpdateIsARefusal) {
  holds("l3");
  sign(list_fetched, "l4", seconds(0));
  sign(signed_config, "CM2", seconds(1));
  sign(itl_refused, "", seconds(3));
  EXPECT_EQ(on("l4"), Acceptance::refused);
}

TEST_F(AcceptanceTest, AnOldComplaintOfAPhoneThatHoldsTheListIsNoRefusal) {
  holds("l3");
  sign(list_fetched, "l4", seconds(0));
  sign(signed_config, "CM2", seconds(1));
  sign(itl_reported, "l4-sha256", seconds(3));
  sign(itl_refused, "l4-sha256", seconds(3));
  EXPECT_EQ(on("l4"), Acceptance::accepted);
}

TEST_F(AcceptanceTest, AReportOfAnOlderListAfterTheFetchIsARefusal) {
  holds("l3");
  sign(list_fetched, "l4", seconds(0));
  sign(signed_config, "CM2", seconds(1));
  sign(itl_reported, "l3", seconds(3));
  EXPECT_EQ(on("l4"), Acceptance::refused);
  EXPECT_EQ(verdict("l4").holds, "l3");
  sign(itl_reported, "feed", seconds(4));
  EXPECT_EQ(on("l4"), Acceptance::refused);
  EXPECT_EQ(verdict("l4").holds, "");
}

TEST_F(AcceptanceTest, AReportOfAnOlderListBeforeTheFetchIsNone) {
  holds("l3");
  sign(itl_reported, "l3", -seconds(3));
  sign(list_fetched, "l4", seconds(0));
  sign(signed_config, "CM2", seconds(1));
  EXPECT_EQ(on("l4"), Acceptance::accepted);
}

TEST_F(AcceptanceTest, ProofsChain) {
  holds("l1");
  sign(list_fetched, "l2", seconds(0));
  sign(tvs_vouched, "CM2", seconds(1));
  sign(signed_config, "CM2", seconds(2));
  sign(list_fetched, "l3", minutes(10));
  sign(signed_config, "CM2", minutes(10) + seconds(2));
  EXPECT_EQ(on("l3"), Acceptance::accepted);
  const Belief belief = believe(lists(), before_, signs_);
  EXPECT_EQ(belief.proven.sha1, "l3");
  EXPECT_EQ(belief.proven.at, at(minutes(10) + seconds(2)));

  // What was proven needs its signs no more.
  before_ = belief.proven;
  signs_.clear();
  EXPECT_EQ(on("l3"), Acceptance::accepted);
  EXPECT_EQ(verdict("l3").evidence, belief.proven.evidence);
  EXPECT_EQ(on("l4"), Acceptance::unknown);
  EXPECT_THAT(verdict("l4").evidence, HasSubstr("it holds the list of 2026-11-21"));
}

TEST_F(AcceptanceTest, ABrokenChainStaysBrokenHoweverManySignersAgree) {
  holds("l1");
  sign(list_fetched, "l2", seconds(0));
  sign(signed_config, "CM2", seconds(2));
  sign(list_fetched, "l3", minutes(10));
  sign(signed_config, "CM2", minutes(10) + seconds(2));
  EXPECT_EQ(on("l3"), Acceptance::refused);
  EXPECT_EQ(verdict("l3").holds, "l1");
}

}  // namespace
}  // namespace ringfence::core

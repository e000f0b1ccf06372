#include "core/phones/acceptance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/phones/holding_store.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using enum TrustSignKind;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const TrustSign::Time kDay{milliseconds(1'795'255'200'000)};
const std::string kPhone = "SEP001122334455";
const std::string kHome = "10.0.0.5";
const std::string kElsewhere = "10.0.0.66";

/// The house: list 1; CallManager renewed (2); CAPF renewed (3); TVS renewed (4).
PublishedLists lists() {
  PublishedLists all;
  all.versions = {
      {"l1", {"l1-sha256"}, "CM1", {"CM1", "REC"}, {"TVS1", "CAPF1"}, kDay},
      {"l2", {"l2-sha256"}, "CM2", {"CM2", "REC"}, {"TVS1", "CAPF1"}, kDay + hours(1)},
      {"l3", {"l3-sha256"}, "CM2", {"CM2", "REC"}, {"TVS1", "CAPF2"}, kDay + hours(2)},
      {"l4", {"l4-sha256"}, "CM2", {"CM2", "REC"}, {"TVS2", "CAPF2"}, kDay + hours(3)},
  };
  all.names = {{"CM1", "CallManager CM1"}, {"CM2", "CallManager CM2"}};
  return all;
}

class AcceptanceTest : public testing::Test {
 protected:
  /// holds makes the phone one that was proven to hold a list at the day's start.
  void holds(const std::string& sha1) {
    before_ = {kPhone, sha1, kHome, "proved it before", kDay, AddressProof::identified};
  }

  /// newcomer makes it a phone of which nothing is known.
  void newcomer() { before_ = {kPhone, "", "", "", {}}; }

  TrustSign::Time at(milliseconds after) const { return kDay + hours(10) + after; }

  void sign(TrustSignKind kind, const std::string& subject, milliseconds after,
            const std::string& peer = kHome) {
    signs_.push_back({kPhone, kind, peer, subject, "", at(after)});
  }

  Judgement verdict(const std::string& sha1) {
    return judge(lists(), believe(lists(), before_, signs_), sha1);
  }

  Acceptance on(const std::string& sha1) { return verdict(sha1).acceptance; }

  /// By default its address is known, by its registration, and not what it holds.
  Holding before_{kPhone, "", kHome, "", {}, AddressProof::registered};
  std::vector<TrustSign> signs_;
};

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

TEST(HoldingStoreTest, KeepsOneHoldingAPhone) {
  const test::TemporaryFolder folder;
  Database database(folder / "admin.db", Schema::admin, Access::read_write);
  HoldingStore store(database);
  const Holding one{"SEP1", "l1", kHome, "why", kDay, AddressProof::identified};
  Holding two{"SEP2", "", kHome, "", kDay};
  store.save({one, two});
  two.sha1 = "l2";
  two.address_proof = AddressProof::registered;
  store.save({two});
  EXPECT_THAT(store.list(), ElementsAre(one, two));
  EXPECT_EQ(store.find("SEP2"), two);
  store.remove("SEP1");
  EXPECT_THAT(store.list(), ElementsAre(two));
}

TEST(HoldingStoreTest, AHomeIsWhereAPhoneHasShownWhoItIs) {
  const test::TemporaryFolder folder;
  Database database(folder / "admin.db", Schema::admin, Access::read_write);
  HoldingStore store(database);
  store.save({{"SEP1", "l1", "10.0.0.1", "", kDay, AddressProof::identified},
              {"SEP2", "l1", "10.0.0.2", "", kDay, AddressProof::registered},
              {"SEP3", "l1", "10.0.0.3", "", kDay, AddressProof::none}});
  const std::unordered_map<std::string, std::string> expected{{"SEP1", "10.0.0.1"}};
  EXPECT_EQ(store.homes(), expected) << "anybody can fetch and register in a phone's name";
}

}  // namespace
}  // namespace ringfence::core

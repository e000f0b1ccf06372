// Whom a change would strand: the rules alone.
#include "services/admin/jobs/guard_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringfence::services::admin {
namespace {

using core::Unit;
using testing::HasSubstr;

GuardFacts house_of(std::size_t phones) {
  GuardFacts facts;
  for (std::size_t i = 0; i < phones; ++i)
    facts.phones.push_back({"SEP00000000000" + std::to_string(i)});
  return facts;
}

std::vector<std::string> codes(const Verdict& verdict) {
  std::vector<std::string> codes;
  for (const auto& guard : verdict.guards) codes.push_back(guard.code);
  return codes;
}

TEST(GuardRules, NothingSpeaksAgainstAChangeInAHouseThatIsWell) {
  for (const Unit unit : core::kUnits) {
    const Verdict verdict = judge_change(unit, house_of(5));
    EXPECT_EQ(verdict.stranded, 0);
    EXPECT_EQ(verdict.refusal(std::nullopt), "");
    EXPECT_THAT(verdict.refusal(5), HasSubstr("leave force out"));
  }
}

TEST(GuardRules, AFreshHouseHasNobodyToStrand) {
  GuardFacts facts;
  facts.tvs_problem = facts.tftp_problem = facts.registrar_problem = "It does not run.";
  EXPECT_EQ(judge_change(Unit::call_manager, facts).refusal(std::nullopt), "");
}

TEST(GuardRules, WithoutATvsTheSignerStaysUntilForcedOverAllPhones) {
  GuardFacts facts = house_of(5);
  facts.tvs_problem = "Cisco Trust Verification Service does not run.";
  const Verdict verdict = judge_change(Unit::call_manager, facts);
  EXPECT_THAT(codes(verdict), testing::ElementsAre("tvs_down"));
  EXPECT_THAT(verdict.refusal(std::nullopt),
              testing::AllOf(HasSubstr("it would strand 5 phones"),
                             HasSubstr("SEP000000000000, SEP000000000001, SEP000000000002 and 2 "
                                       "more. Start it first: utils service start Cisco Trust"),
                             HasSubstr("add: force 5")));
  EXPECT_THAT(verdict.refusal(4), HasSubstr("5 phones, not 4"));
  EXPECT_EQ(verdict.refusal(5), "");
  EXPECT_EQ(verdict.refusal(10), "") << "some may have come back meanwhile";
  EXPECT_THAT(verdict.refusal(11), HasSubstr("5 phones, not 11"));
  EXPECT_TRUE(judge_change(Unit::capf, facts).guards.empty()) << "the signer stays the same";
}

TEST(GuardRules, EachPhoneCountsOnceHoweverManyGuardsNameIt) {
  GuardFacts facts = house_of(5);
  facts.phones[0].hold = ListHold::older;
  facts.phones[1].hold = ListHold::unproven;
  facts.phones[2].hold = ListHold::refused;
  facts.phones[2].knows_signer = false;
  const Verdict verdict = judge_change(Unit::tvs, facts);
  EXPECT_THAT(codes(verdict), testing::ElementsAre("older_list", "refused_list", "unproven_list",
                                                   "signer_and_tvs"));
  EXPECT_EQ(verdict.stranded, 3);
  EXPECT_EQ(verdict.refusal(3), "");
}

TEST(GuardRules, NoChangeWithoutTheServicesThatBringItToPhones) {
  GuardFacts facts = house_of(2);
  facts.tftp_problem = "Cisco Tftp does not run.";
  facts.registrar_problem = "Cisco CallManager does not run.";
  EXPECT_THAT(codes(judge_change(Unit::capf, facts)),
              testing::ElementsAre("callmanager_down", "tftp_down"));
}

TEST(GuardRules, ABulkJobWantsACapfThatAnswersAndTheServicesThatSendPhonesThere) {
  EXPECT_TRUE(judge_bulk({}, {"SEP000000000001"}).guards.empty());
  const BulkProblems problems{.capf = "CAPF does not answer.",
                              .tftp = "Cisco Tftp does not run.",
                              .registrar = "Cisco CallManager does not answer."};
  const Verdict verdict = judge_bulk(problems, {"SEP000000000001"});
  EXPECT_THAT(codes(verdict), testing::ElementsAre("capf_down", "callmanager_down", "tftp_down"));
  EXPECT_THAT(verdict.refusal(std::nullopt),
              testing::AllOf(HasSubstr("it would strand 1 phone"), HasSubstr("SEP000000000001"),
                             HasSubstr("utils service restart Cisco CallManager"),
                             HasSubstr("utils service start Cisco Tftp"), HasSubstr("force 1")));
  EXPECT_EQ(verdict.refusal(1), "");
}

TEST(GuardRules, ARecoveryListIsForPhonesThatKnowItsSignerOrMayAsk) {
  GuardFacts facts = house_of(3);
  facts.signer = Unit::itl_recovery;
  facts.phones[0].knows_signer = false;
  EXPECT_TRUE(judge_recovery(facts).guards.empty()) << "it may ask the TVS";
  facts.tvs_problem = "It does not run.";
  EXPECT_EQ(judge_recovery(facts).stranded, 1);
}

TEST(GuardRules, ANewCertificateOfAServerStrandsWhoCannotFollowToTheList) {
  for (const Unit unit : {Unit::capf, Unit::call_manager_ecdsa}) {
    GuardFacts facts = house_of(5);
    facts.phones[0].hold = ListHold::older;
    facts.phones[1].hold = ListHold::refused;
    EXPECT_EQ(judge_change(unit, facts).stranded, 0) << "they know who signs the next list";
    facts.phones[0].knows_signer = facts.phones[1].knows_signer = false;
    EXPECT_EQ(judge_change(unit, facts).stranded, 0) << "their TVS tells them";
    facts.phones[1].knows_tvs = false;
    EXPECT_THAT(judge_change(unit, facts).guards.at(0).names,
                testing::ElementsAre("SEP000000000001"));
    facts.tvs_problem = "Cisco Trust Verification Service does not run.";
    const Verdict verdict = judge_change(unit, facts);
    EXPECT_THAT(codes(verdict), testing::ElementsAre("older_list"));
    EXPECT_EQ(verdict.stranded, 2);
    EXPECT_THAT(verdict.refusal(std::nullopt),
                testing::AllOf(HasSubstr("would strand 2 phones"), HasSubstr("cannot ask a TVS"),
                               HasSubstr("utils service start Cisco Trust")));
    facts.tvs_problem.clear();
    facts.phones[2].hold = ListHold::unproven;
    EXPECT_THAT(codes(judge_change(unit, facts)),
                testing::ElementsAre("older_list", "unproven_list"));
    EXPECT_EQ(judge_change(unit, facts).refusal(2), "");
  }
}

TEST(GuardRules, OnlyWhatWasFetchedJustNowMayStillShowSomething) {
  using namespace std::chrono_literals;
  const core::TrustSign::Time now = core::sign_time();
  core::Judgement judgement;
  EXPECT_FALSE(may_show_soon(judgement, now));
  judgement.awaited = true;
  for (const auto ago : {0s, 1s, 2s}) {
    judgement.fetched_at = now - ago;
    EXPECT_TRUE(may_show_soon(judgement, now)) << ago.count();
  }
  for (const auto ago : {5s, 86'400s, -60s}) {  // the clock was set back
    judgement.fetched_at = now - ago;
    EXPECT_FALSE(may_show_soon(judgement, now)) << ago.count();
  }
}

TEST(GuardRules, AnUnprovenPhoneThatAnotherAddressContestsIsToldWithThatAddressAndACure) {
  GuardFacts facts = house_of(4);
  for (PhoneHold& phone : facts.phones) phone.hold = ListHold::unproven;
  facts.phones[0].contested_by = "10.6.6.6";
  for (const Unit unit : {Unit::call_manager, Unit::capf}) {
    facts.phones[1].contested_by = "";
    EXPECT_THAT(
        judge_change(unit, facts).refusal(std::nullopt),
        testing::AllOf(HasSubstr("another address (10.6.6.6) registered as 1 phone of them"),
                       HasSubstr("Shut that address off"), HasSubstr("prove"),
                       HasSubstr("utils phone reset all")));
    facts.phones[1].contested_by = "10.6.6.6";
    EXPECT_THAT(judge_change(unit, facts).refusal(std::nullopt),
                HasSubstr("another address (10.6.6.6) registered as 2 phones of them"));
    facts.phones[1].contested_by = "10.6.6.7";
    EXPECT_THAT(
        judge_change(unit, facts).refusal(std::nullopt),
        HasSubstr("other addresses (2, one of them 10.6.6.6) registered as 2 phones of them"));
  }
  for (PhoneHold& phone : facts.phones) phone.contested_by = "";
  EXPECT_THAT(judge_change(Unit::capf, facts).refusal(std::nullopt),
              testing::Not(HasSubstr("registered as")));
}

TEST(GuardRules, NoResetIsOfferedToPhonesThatAreNotRegistered) {
  GuardFacts facts = house_of(3);
  facts.phones[0].hold = facts.phones[1].hold = ListHold::older;
  facts.phones[0].registered = facts.phones[1].registered = false;
  const std::string absent = judge_change(Unit::call_manager, facts).guards.at(0).cure;
  EXPECT_THAT(absent,
              testing::AllOf(HasSubstr("2 of them are not registered"), HasSubstr("power them on"),
                             testing::Not(HasSubstr("reset all"))));
  facts.phones[1].registered = true;
  EXPECT_THAT(judge_change(Unit::call_manager, facts).guards.at(0).cure,
              testing::AllOf(HasSubstr("1 of them is not registered"),
                             HasSubstr("the others: reset them with 'utils phone reset all'")));
  facts.phones[0].registered = true;
  EXPECT_THAT(judge_change(Unit::call_manager, facts).guards.at(0).cure,
              testing::StartsWith("Reset them with 'utils phone reset all'"));
}

TEST(GuardRules, WhatAResetCannotProveIsNotPromised) {
  GuardFacts facts = house_of(2);
  facts.phones[0].hold = ListHold::unproven;
  for (const Unit unit : {Unit::call_manager, Unit::capf})
    EXPECT_THAT(judge_change(unit, facts).guards.at(0).cure,
                testing::AllOf(HasSubstr("no reset can prove it"),
                               HasSubstr("a change of the ITL's signer while Cisco Trust")));
}

TEST(GuardRules, WhoKnowsNeitherSignerNorTvsIsBroughtBackByARecoveryList) {
  GuardFacts facts = house_of(1);
  facts.phones[0].knows_tvs = false;
  const auto guard = judge_change(Unit::call_manager, facts).guards.at(0);
  EXPECT_EQ(guard.code, "signer_and_tvs");
  EXPECT_THAT(guard.why, testing::Not(HasSubstr("by hand")));
  EXPECT_THAT(guard.cure, HasSubstr("utils itl reset localkey"));
}

TEST(GuardRules, NobodyIsToldWhileTheServicesAreDownThatHeNeedsThen) {
  const std::vector<std::string> phones = {"SEP000000000001", "SEP000000000002"};
  EXPECT_EQ(judge_tell("reset", {}, phones).refusal(std::nullopt), "");
  const TellProblems no_files{"Cisco Tftp does not run.", ""};
  for (const std::string kind : {"reset", "restart", "apply-config"}) {
    const Verdict verdict = judge_tell(kind, no_files, phones);
    EXPECT_THAT(codes(verdict), testing::ElementsAre("tftp_down"));
    EXPECT_THAT(
        verdict.refusal(std::nullopt),
        testing::AllOf(
            HasSubstr("no phone is told"),
            HasSubstr(kind == "apply-config" ? "no configuration to apply" : "out of service"),
            HasSubstr("utils service start Cisco Tftp"), HasSubstr("add: force 2")));
    EXPECT_EQ(verdict.refusal(2), "");
    EXPECT_TRUE(judge_tell(kind, no_files, {}).guards.empty()) << "nobody is told";
  }
  const TellProblems no_capf{"", "Cisco Certificate Authority Proxy Function does not run."};
  EXPECT_THAT(codes(judge_tell("apply-config", no_capf, phones)),
              testing::ElementsAre("capf_down"));
}

TEST(GuardRules, NamesWhomNoResetReaches) {
  GuardFacts facts = house_of(3);
  facts.phones[1].registered = false;
  EXPECT_THAT(judge_change(Unit::capf, facts).absent, testing::ElementsAre("SEP000000000001"));
}

}  // namespace
}  // namespace ringfence::services::admin

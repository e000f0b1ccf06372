#include "services/admin/jobs/bulk_plan.h"

#include <functional>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"

namespace ringfence::services::admin {
namespace {

using core::AuthMode;
using core::KeyOrder;
using core::Operation;
using core::OperationStatus;
using core::Phone;
using core::Time;
using core::admin::BulkExcluded;
using core::admin::BulkPreview;
using core::admin::BulkRequest;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::HasSubstr;

const Time kNow = core::from_seconds(1'795'255'200);  // 2026-11-21T10:00:00Z

Phone phone(const std::string& name, const std::string& model = "CP-8861") {
  Phone phone;
  phone.name = name;
  phone.model = model;
  return phone;
}

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::Code::malformed);
    return error.what();
  }
  return "nothing was thrown";
}

class BulkPlanTest : public testing::Test {
 protected:
  BulkPlanTest() {
    request_.all = true;
    request_.auth_mode = "null-string";
  }

  BulkPreview plan() const {
    return plan_bulk(bulk_filter(request_, kNow), bulk_terms(request_, kNow), phones_, facts_,
                     kNow);
  }

  /// only_exclusion expects that the one phone of the test is left out.
  BulkExcluded only_exclusion() const {
    const BulkPreview found = plan();
    EXPECT_EQ(found.matched, 1);
    EXPECT_EQ(found.chosen, 0);
    EXPECT_TRUE(found.phones.empty());
    if (found.excluded.size() != 1) {
      ADD_FAILURE() << "it is in";
      return {};
    }
    EXPECT_EQ(found.reasons.at(0).reason, found.excluded[0].reason);
    EXPECT_EQ(found.reasons.at(0).count, 1);
    return found.excluded[0];
  }

  void expect_in() const {
    const BulkPreview found = plan();
    EXPECT_EQ(found.chosen, 1) << (found.excluded.empty() ? "" : found.excluded[0].why);
  }

  void profile(AuthMode mode, KeyOrder order = KeyOrder::rsa_only, int rsa = 2048, int ec = 384) {
    phones_.at(0).security_profile = "Floor 1";
    facts_.profiles["Floor 1"] = {"Floor 1", mode, order, rsa, ec};
  }

  void outcome(OperationStatus status) {
    core::CapfSettings& capf = phones_.at(0).capf;
    capf.operation = Operation::install;
    capf.request = 7;
    capf.completes_by = kNow + hours(9);
    if (status == OperationStatus::pending) return;
    facts_.outcomes[phones_[0].name] = {phones_[0].name, 7, Operation::install, status, kNow};
  }

  BulkRequest request_;
  std::vector<Phone> phones_ = {phone("SEP000000000001")};
  BulkFacts facts_;
};

TEST_F(BulkPlanTest, TakesAPhoneThatNothingSpeaksAgainst) {
  facts_.registered = {"SEP000000000001"};
  const BulkPreview found = plan();
  EXPECT_THAT(found.phones, ElementsAre("SEP000000000001"));
  EXPECT_EQ(found.not_registered, 0);
  EXPECT_EQ(found.completes_by, "2026:11:28:10");
  EXPECT_TRUE(found.notes.empty());
}

TEST_F(BulkPlanTest, LeavesOutAPhoneWhoseProfileSaysAnotherMode) {
  profile(AuthMode::lsc);
  const BulkExcluded out = only_exclusion();
  EXPECT_EQ(out.reason, "mode_mismatch");
  EXPECT_THAT(out.why, HasSubstr("\"Floor 1\" says lsc, this says null-string"));
}

TEST_F(BulkPlanTest, LeavesOutAPhoneWhoseOwnModeContradictsItsProfileWhenNoneIsGiven) {
  profile(AuthMode::null_string);
  request_.auth_mode.reset();
  expect_in();
  phones_[0].capf.auth_mode = AuthMode::mic;
  EXPECT_EQ(only_exclusion().reason, "mode_mismatch");
}

TEST_F(BulkPlanTest, LeavesOutAPhoneWhoseProfileFixesOtherKeys) {
  profile(AuthMode::null_string, KeyOrder::rsa_only, 3072);
  expect_in();  // the profile's key settings apply
  request_.rsa_bits = 2048;
  EXPECT_EQ(only_exclusion().reason, "profile_mismatch");
  request_.rsa_bits = 3072;
  request_.ec_bits = 256;  // no EC key is asked for
  expect_in();
  request_.key_order = "ec-preferred";
  EXPECT_THAT(only_exclusion().why, HasSubstr("fixes rsa-only with RSA 3072"));
}

TEST_F(BulkPlanTest, TakesAnLscOrTheMicOfAHardwarePhoneUnderLscPrecedence) {
  request_.auth_mode = "lsc";
  expect_in();
  EXPECT_THAT(plan().notes, testing::Contains(HasSubstr("falls back to its MIC")));
  facts_.lscs["SEP000000000001"] = {"CN=CAPF-1", kNow + days(9)};
  expect_in();
  EXPECT_THAT(plan().notes, testing::Not(testing::Contains(HasSubstr("MIC"))));
}

TEST_F(BulkPlanTest, LeavesOutAPhoneWithoutACertificateThatItsModeNeeds) {
  request_.auth_mode = "lsc";
  facts_.lscs["SEP000000000001"] = {"CN=CAPF-1", kNow};
  EXPECT_THAT(only_exclusion().why, HasSubstr("expired on 2026-11-21"));
  phones_ = {phone("CSFanna", "")};
  EXPECT_EQ(only_exclusion().reason, "no_certificate");
  request_.auth_mode = "mic";
  EXPECT_THAT(only_exclusion().why, HasSubstr("a soft client has no MIC"));
  facts_.lscs["CSFanna"] = {"CN=CAPF-1", kNow + days(9)};
  request_.auth_mode = "lsc";
  expect_in();
}

TEST_F(BulkPlanTest, LeavesOutKeysBelowThePolicysMinimum) {
  request_.rsa_bits = 1024;
  const BulkExcluded out = only_exclusion();
  EXPECT_EQ(out.reason, "key_too_small");
  EXPECT_THAT(out.why, HasSubstr("RSA 1024 is below this node's minimum of 2048"));
  request_.key_order = "ec-only";
  expect_in();
  facts_.policy.min_ec_bits = 521;
  EXPECT_THAT(only_exclusion().why, HasSubstr("EC 384 is below"));
  request_.operation = "troubleshoot";  // makes no key
  expect_in();
}

TEST_F(BulkPlanTest, LeavesOutModelsThatCannotMakeEcKeys) {
  request_.key_order = "ec-only";
  for (const std::string model : {"CP-7962", "CP-7975G", "7945", "Cisco 7911"}) {
    phones_ = {phone("SEP000000000001", model)};
    EXPECT_EQ(only_exclusion().reason, "ec_unsupported") << model;
  }
  for (const std::string model : {"CP-8861", "CP-7841", "CP-79", "CP-17975", "79750", ""}) {
    phones_ = {phone("SEP000000000001", model)};
    expect_in();
  }
}

TEST_F(BulkPlanTest, LeavesOutAPhoneWithAPendingOperation) {
  outcome(OperationStatus::pending);
  EXPECT_THAT(only_exclusion().why, HasSubstr("(install) is pending until 2026:11:21:19 UTC"));
  outcome(OperationStatus::failed);
  expect_in();
  outcome(OperationStatus::success);
  expect_in();
  outcome(OperationStatus::pending);
  facts_.outcomes.clear();
  phones_[0].capf.completes_by = kNow;  // too late is not pending
  expect_in();
}

TEST_F(BulkPlanTest, LeavesOutAPhoneThatAnotherJobWaitsFor) {
  facts_.busy["SEP000000000001"] = 12;
  EXPECT_EQ(only_exclusion().why, "job 12 still waits for it; see 'show job 12'");
}

TEST_F(BulkPlanTest, LeavesOutAPhoneThatHasNoStringForItsMode) {
  request_.auth_mode = "auth-string";
  EXPECT_EQ(only_exclusion().reason, "no_auth_string");
  request_.unique_strings = 8;
  expect_in();
  request_.unique_strings.reset();
  phones_[0].capf.auth_string = "4711";
  expect_in();
}

TEST_F(BulkPlanTest, LeavesOutAPhoneThatHasNothingToDelete) {
  request_.operation = "delete";
  EXPECT_EQ(only_exclusion().reason, "nothing_to_delete");
  facts_.lscs["SEP000000000001"] = {"CN=CAPF-1", kNow - days(9)};
  expect_in();
}

TEST_F(BulkPlanTest, TakesAPhoneThatIsNotRegisteredAndSaysSo) {
  const BulkPreview found = plan();
  EXPECT_EQ(found.chosen, 1);
  EXPECT_EQ(found.not_registered, 1);
  EXPECT_THAT(found.notes, ElementsAre(HasSubstr("1 of these phones is not registered")));
}

TEST_F(BulkPlanTest, WithoutARegistrarNobodyIsSaidToBeRegisteredOrNot) {
  facts_.no_registrar = "Cisco CallManager is not running";
  EXPECT_THAT(plan().notes, ElementsAre(HasSubstr("nobody knows which of these phones")));
  EXPECT_EQ(plan().not_registered, 1);
}

TEST_F(BulkPlanTest, WarnsOfLessThanAnHourAndRefusesATimeThatIsOver) {
  facts_.registered = {"SEP000000000001"};
  request_.completes_by = "2026:11:21:11";
  EXPECT_TRUE(plan().notes.empty());
  const BulkFilter filter = bulk_filter(request_, kNow);
  const BulkTerms terms = bulk_terms(request_, kNow);
  EXPECT_THAT(plan_bulk(filter, terms, phones_, facts_, kNow + minutes(1)).notes,
              ElementsAre(HasSubstr("less than an hour ahead")));
  request_.completes_by = "2026:11:21:10";
  EXPECT_THAT(refusal([&] { bulk_terms(request_, kNow); }), HasSubstr("is over"));
}

TEST_F(BulkPlanTest, CountsEveryPhoneThatMatchesOnce) {
  phones_.clear();
  for (int i = 0; i < 100; ++i) phones_.push_back(phone(fmt::format("SEP{:012}", i)));
  for (std::size_t i = 0; i < 100; i += 4) facts_.busy[phones_[i].name] = 1;
  for (std::size_t i = 0; i < 100; i += 10) phones_[i].security_profile = "Floor 1";
  facts_.profiles["Floor 1"] = {"Floor 1", AuthMode::mic, KeyOrder::rsa_only, 2048, 384};
  const BulkPreview found = plan();
  EXPECT_EQ(found.matched, 100);
  EXPECT_EQ(found.chosen, 70);
  EXPECT_EQ(found.phones.size(), 70U);
  EXPECT_EQ(found.excluded.size(), 30U);
  ASSERT_EQ(found.reasons.size(), 2U);
  EXPECT_EQ(found.reasons[0].reason, "mode_mismatch");
  EXPECT_EQ(found.reasons[0].count, 10);
  EXPECT_EQ(found.reasons[1].count, 20);
}

TEST_F(BulkPlanTest, RefusesAWrongRequest) {
  const auto refused = [&](const std::function<void(BulkRequest&)>& spoil) {
    BulkRequest request = request_;
    spoil(request);
    return refusal([&] {
      bulk_filter(request, kNow);
      bulk_terms(request, kNow);
    });
  };
  EXPECT_THAT(refused([](BulkRequest& r) { r.all = false; }), HasSubstr("say which phones"));
  EXPECT_THAT(refused([](BulkRequest& r) { r.model = "x"; }), HasSubstr("say which phones"));
  EXPECT_THAT(refused([](BulkRequest& r) { r.operation = "none"; }), HasSubstr("one of install"));
  EXPECT_THAT(refused([](BulkRequest& r) { r.unique_strings = 8; }), HasSubstr("auth-string"));
  EXPECT_THAT(refused([](BulkRequest& r) {
                r.auth_mode = "auth-string";
                r.unique_strings = 11;
              }),
              HasSubstr("4 to 10"));
  EXPECT_THAT(refused([](BulkRequest& r) { r.wave = 0; }), HasSubstr("1 to 5000"));
  EXPECT_THAT(refused([](BulkRequest& r) { r.rsa_bits = 1000; }), HasSubstr("RSA key size"));
  EXPECT_THAT(refused([](BulkRequest& r) {
                r.all = false;
                r.lsc = "gone";
              }),
              HasSubstr("none, installed, expired, stale"));
  EXPECT_THAT(refused([](BulkRequest& r) {
                r.all = false;
                r.expires_before = "2027:01:01:00";
                r.expires_within = 3;
              }),
              HasSubstr("not both"));
}

TEST(BulkTerms, ComeBackFromTheJobsArgumentsAndHoldNoSecret) {
  BulkTerms terms;
  terms.operation = Operation::remove;
  terms.auth_mode = AuthMode::auth_string;
  terms.ec_bits = 521;
  terms.completes_by = kNow;
  terms.string_digits = 8;
  terms.wave = 20;
  const BulkTerms back = BulkTerms::from_text(terms.to_text());
  EXPECT_EQ(back.operation, Operation::remove);
  EXPECT_EQ(back.auth_mode, AuthMode::auth_string);
  EXPECT_EQ(back.key_order, std::nullopt);
  EXPECT_EQ(back.rsa_bits, std::nullopt);
  EXPECT_EQ(back.ec_bits, 521);
  EXPECT_EQ(back.completes_by, kNow);
  EXPECT_EQ(back.string_digits, 8U);
  EXPECT_EQ(back.wave, 20U);
}

TEST(MatchesText, KnowsStarsQuestionMarksAndCase) {
  EXPECT_TRUE(matches_text("cp-88*", "CP-8861", Extent::whole));
  EXPECT_TRUE(matches_text("*6?", "CP-8861", Extent::whole));
  EXPECT_TRUE(matches_text("C*8*1", "CP-8861", Extent::whole));
  EXPECT_TRUE(matches_text("*", "", Extent::whole));
  EXPECT_FALSE(matches_text("CP-88", "CP-8861", Extent::whole));
  EXPECT_TRUE(matches_text("p-88", "CP-8861", Extent::part));
  EXPECT_FALSE(matches_text("p-8*", "CP-8861", Extent::part));  // a star makes it the whole
  EXPECT_FALSE(matches_text("C?P*", "CP-8861", Extent::whole));
  EXPECT_TRUE(matches_text("a*a*a*a*a*b", std::string(60, 'a') + "b", Extent::whole));
  EXPECT_FALSE(matches_text("a*a*a*a*a*b", std::string(60, 'a'), Extent::whole));
}

struct FilterCase {
  std::string name;
  std::function<void(BulkRequest&)> set;
  std::string expected;  ///< the last digits of the phones that match
};

class BulkFilters : public testing::TestWithParam<FilterCase> {};

TEST_P(BulkFilters, Match) {
  std::vector<Phone> phones;
  for (int i = 1; i <= 5; ++i) {
    Phone one = phone("SEP00000000000" + std::to_string(i), i < 3 ? "CP-8861" : "CP-7841");
    one.description = i == 4 ? "Lobby, ground floor" : "Desk " + std::to_string(i);
    one.device_pool = i == 5 ? "Berlin" : "Default";
    one.security_profile = i == 2 ? "Floor 1" : "";
    phones.push_back(one);
  }
  BulkFacts facts;
  facts.lscs["SEP000000000001"] = {"CN=CAPF-1;O=Old", kNow + days(3)};
  facts.lscs["SEP000000000002"] = {"CN=CAPF-2;O=New", kNow + days(300)};
  facts.lscs["SEP000000000003"] = {"CN=CAPF-1;O=Old", kNow - days(1)};
  facts.stale = {"SEP000000000002", "SEP000000000005"};
  BulkRequest request;
  GetParam().set(request);
  const BulkFilter filter = bulk_filter(request, kNow);
  std::string matched;
  for (const Phone& one : phones)
    if (filter.matches(one, facts, kNow)) matched += one.name.back();
  EXPECT_EQ(matched, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Of, BulkFilters,
    testing::Values(
        FilterCase{"All", [](BulkRequest& r) { r.all = true; }, "12345"},
        FilterCase{"Name", [](BulkRequest& r) { r.name = "SEP*3"; }, "3"},
        FilterCase{"Model", [](BulkRequest& r) { r.model = "cp-88*"; }, "12"},
        FilterCase{"Pool", [](BulkRequest& r) { r.device_pool = "berlin"; }, "5"},
        FilterCase{"Description", [](BulkRequest& r) { r.description = "ground"; }, "4"},
        FilterCase{"Profile", [](BulkRequest& r) { r.security_profile = "Floor 1"; }, "2"},
        FilterCase{"NoLsc", [](BulkRequest& r) { r.lsc = "none"; }, "45"},
        FilterCase{"ValidLsc", [](BulkRequest& r) { r.lsc = "installed"; }, "12"},
        FilterCase{"ExpiredLsc", [](BulkRequest& r) { r.lsc = "expired"; }, "3"},
        FilterCase{"StaleLsc", [](BulkRequest& r) { r.lsc = "stale"; }, "25"},
        FilterCase{"Issuer", [](BulkRequest& r) { r.issuer = "capf-1"; }, "13"},
        FilterCase{"Before", [](BulkRequest& r) { r.expires_before = "2026:11:22:00"; }, "3"},
        FilterCase{"Within", [](BulkRequest& r) { r.expires_within = 30; }, "13"},
        FilterCase{"Both",
                   [](BulkRequest& r) {
                     r.expires_within = 30;
                     r.model = "CP-8861";
                   },
                   "1"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace ringfence::services::admin

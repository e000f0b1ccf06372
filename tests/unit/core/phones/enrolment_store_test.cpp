#include "core/phones/enrolment_store.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using std::chrono::hours;

const Time kNow = from_seconds(1'795'255'200);

/// The statuses as cucm-behaviour 5.2 lists them (AXL XCertificateStatus).
TEST(OperationStatusText, IsWhatCucmSays) {
  using enum OperationStatus;

  struct Case {
    OperationStatus status;
    const char* behind;  ///< behind "Upgrade", "Delete", "Troubleshoot"
  };

  for (const Case& c :
       {Case{success, " Success"}, Case{failed, " Failed"},
        Case{invalid_lsc, " Failed: Invalid LSC"},
        Case{invalid_auth_string, " Failed: Invalid Authentication String"},
        Case{invalid_mic, " Failed: Invalid MIC"},
        Case{invalid_credentials, " Failed: Invalid Credentials"},
        Case{communication_failure, " Failed: Phone Communication Failure"},
        Case{key_generation_failed, " Failed: Key Generation Failed/Timeout"},
        Case{ca_communication_failure, " Failed: CA Communication Failure"},
        Case{ca_rejected, " Failed: CA Rejected Connection"},
        Case{late, " Failed: User Initiated Request Late/Timedout"},
        Case{ec_unsupported, " Failed: No Support for EC only in CAPF version 3"}}) {
    EXPECT_EQ(describe(Operation::install, c.status), std::string("Upgrade") + c.behind);
    EXPECT_EQ(describe(Operation::remove, c.status), std::string("Delete") + c.behind);
    EXPECT_EQ(describe(Operation::troubleshoot, c.status), std::string("Troubleshoot") + c.behind);
  }
  for (const Operation operation :
       {Operation::none, Operation::install, Operation::remove, Operation::troubleshoot}) {
    EXPECT_EQ(describe(operation, none), "None");
    EXPECT_EQ(describe(operation, pending), "Operation Pending");
  }
}

TEST(OperationStatusWord, GoesThereAndBackAndIsUnique) {
  std::set<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(OperationStatus::ec_unsupported); ++i) {
    const auto status = static_cast<OperationStatus>(i);
    EXPECT_EQ(operation_status_from(word(status)), status);
    words.insert(word(status));
  }
  EXPECT_EQ(words.size(), 14U);
  EXPECT_THROW(operation_status_from(""), Error);
}

TEST(StatusOf, IsPendingUntilAnsweredOrLate) {
  Phone phone;
  EXPECT_EQ(status_of(phone, std::nullopt, kNow), OperationStatus::none);
  phone.capf.operation = Operation::install;
  phone.capf.completes_by = kNow;
  phone.capf.request = 5;
  EXPECT_EQ(status_of(phone, std::nullopt, kNow - std::chrono::seconds(1)),
            OperationStatus::pending);
  EXPECT_EQ(status_of(phone, std::nullopt, kNow), OperationStatus::late);
  Outcome outcome{"CSFa", 4, Operation::install, OperationStatus::success, kNow};
  EXPECT_EQ(status_of(phone, outcome, kNow - hours(1)), OperationStatus::pending)
      << "the outcome of an older request counted";
  outcome.request = 5;
  EXPECT_EQ(status_of(phone, outcome, kNow - hours(1)), OperationStatus::success);
  EXPECT_EQ(status_of(phone, outcome, kNow + hours(1)), OperationStatus::success);
  outcome.status = OperationStatus::invalid_auth_string;
  EXPECT_EQ(status_of(phone, outcome, kNow), OperationStatus::invalid_auth_string);
  phone.capf.operation = Operation::none;
  EXPECT_EQ(status_of(phone, outcome, kNow), OperationStatus::invalid_auth_string);
}

TEST(CapfVisit, IsDueUntilItSucceededOrItsTimeIsOver) {
  Phone phone;
  EXPECT_EQ(capf_visit(phone, std::nullopt, kNow), CapfVisit::none);
  phone.capf.operation = Operation::install;
  phone.capf.completes_by = kNow;
  phone.capf.request = 5;
  const Time in_time = kNow - std::chrono::seconds(1);
  EXPECT_EQ(capf_visit(phone, std::nullopt, in_time), CapfVisit::due);
  EXPECT_EQ(capf_visit(phone, std::nullopt, kNow), CapfVisit::none);
  Outcome outcome{"CSFa", 5, Operation::install, OperationStatus::success, kNow};
  EXPECT_EQ(capf_visit(phone, outcome, in_time), CapfVisit::none);
  for (const auto failed : {OperationStatus::key_generation_failed, OperationStatus::failed,
                            OperationStatus::invalid_auth_string}) {
    outcome.status = failed;
    EXPECT_EQ(capf_visit(phone, outcome, in_time), CapfVisit::due) << word(failed);
    EXPECT_EQ(capf_visit(phone, outcome, kNow), CapfVisit::none) << word(failed);
  }
  outcome.request = 4;
  outcome.status = OperationStatus::success;
  EXPECT_EQ(capf_visit(phone, outcome, in_time), CapfVisit::due)
      << "the outcome of an older request counted";
}

class EnrolmentStoreTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return folder_ / "capf.db"; }

  /// issue records a certificate of serial 00<serial>ff, 1 hour after the one before.
  Bytes issue(const std::string& phone, std::int64_t request, std::uint8_t serial) {
    IssuedCertificate certificate;
    certificate.phone = phone;
    certificate.request = request;
    certificate.serial = {0, serial, 0xff};
    certificate.subject = "CN=" + phone;
    certificate.issuer = "CN=CAPF-7f0ae8d7";
    certificate.der = {0x30, 0, serial, 0};
    certificate.key = "RSA 2048";
    certificate.not_after = from_seconds(4'102'444'800);
    certificate.issued_at = now_ += hours(1);
    store_.issued(certificate);
    return certificate.serial;
  }

  test::TemporaryFolder folder_;
  Database database_{file(), Schema::capf, Access::read_write};
  EnrolmentStore store_{database_};
  Time now_ = kNow;
};

TEST_F(EnrolmentStoreTest, FollowsACertificateFromIssueToThePhone) {
  const Bytes serial = issue("CSFa", 7, 1);
  EXPECT_EQ(store_.held("CSFa"), std::nullopt);
  EXPECT_EQ(store_.outcome("CSFa", 7), std::nullopt);
  ASSERT_EQ(store_.stale().size(), 1U);
  store_.delivered(serial, kNow + hours(2));
  EXPECT_EQ(store_.held("CSFa"), std::nullopt) << "delivered is not confirmed";
  EXPECT_EQ(store_.stale().at(0).delivered_at, kNow + hours(2));
  store_.confirmed(serial, kNow + hours(3));

  Database reader(file(), Schema::capf, Access::read_only);
  const EnrolmentStore seen(reader);
  EXPECT_TRUE(seen.stale().empty());
  const auto held = seen.held("CSFa");
  ASSERT_TRUE(held.has_value());
  EXPECT_EQ(held->phone, "CSFa");
  EXPECT_EQ(held->request, 7);
  EXPECT_EQ(held->serial, (Bytes{0, 1, 0xff}));
  EXPECT_EQ(held->subject, "CN=CSFa");
  EXPECT_EQ(held->issuer, "CN=CAPF-7f0ae8d7");
  EXPECT_EQ(held->der, (Bytes{0x30, 0, 1, 0}));
  EXPECT_EQ(held->key, "RSA 2048");
  EXPECT_EQ(held->not_after, from_seconds(4'102'444'800));
  EXPECT_EQ(held->issued_at, kNow + hours(1));
  EXPECT_EQ(held->confirmed_at, kNow + hours(3));
  EXPECT_EQ(held->deleted_at, std::nullopt);
  const auto outcome = seen.outcome("CSFa", 7);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->operation, Operation::install);
  EXPECT_EQ(outcome->status, OperationStatus::success);
  EXPECT_EQ(outcome->at, kNow + hours(3));
}

TEST_F(EnrolmentStoreTest, NeverTakesASerialTwice) {
  issue("CSFa", 1, 1);
  try {
    issue("CSFb", 2, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::conflict);
  }
  EXPECT_EQ(test::sqlite3(file(), "select serial, phone from issued"), "0001ff|CSFa");
}

TEST_F(EnrolmentStoreTest, SaysNotFoundForASerialItNeverIssued) {
  for (const auto& call : {+[](EnrolmentStore& store) { store.delivered(Bytes{9}, kNow); },
                           +[](EnrolmentStore& store) { store.confirmed(Bytes{9}, kNow); }}) {
    try {
      call(store_);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::not_found);
      EXPECT_STREQ(error.what(), "no certificate of serial 09 was issued");
    }
  }
  EXPECT_TRUE(store_.last_outcomes().empty());
}

TEST_F(EnrolmentStoreTest, MarksCertificateAndOutcomeTogetherOrNeither) {
  const Bytes serial = issue("CSFa", 1, 1);
  test::sqlite3(file(),
                "create trigger t before insert on outcome begin select raise(abort, 'full'); end");
  EXPECT_THROW(store_.confirmed(serial, kNow), Error);
  EXPECT_EQ(store_.held("CSFa"), std::nullopt);
  EXPECT_EQ(store_.stale().size(), 1U);
}

TEST_F(EnrolmentStoreTest, HoldsTheLastConfirmedOneOfEachPhone) {
  const Bytes first = issue("CSFb", 1, 1);
  const Bytes second = issue("CSFb", 2, 2);
  const Bytes lost = issue("CSFb", 3, 3);
  const Bytes other = issue("CSFa", 4, 4);
  issue("CSFc", 5, 5);
  store_.confirmed(first, kNow);
  store_.confirmed(second, kNow);  // in the same second: the later request is the later certificate
  store_.confirmed(other, kNow);
  EXPECT_EQ(store_.held("CSFb")->serial, second);
  const auto all = store_.all_held();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].serial, other);
  EXPECT_EQ(all[1].serial, second);
  const auto stale = store_.stale();
  ASSERT_EQ(stale.size(), 2U);
  EXPECT_EQ(stale[0].serial, lost);
  EXPECT_EQ(stale[1].phone, "CSFc");
}

TEST_F(EnrolmentStoreTest, ForgetsNothingWhenThePhoneDeletedItsCertificate) {
  store_.confirmed(issue("CSFa", 1, 1), kNow);
  store_.removed("CSFa", 2, kNow + hours(9));
  EXPECT_EQ(store_.held("CSFa"), std::nullopt);
  EXPECT_TRUE(store_.all_held().empty());
  EXPECT_EQ(store_.outcome("CSFa", 2)->operation, Operation::remove);
  EXPECT_EQ(store_.outcome("CSFa", 2)->status, OperationStatus::success);
  EXPECT_EQ(test::sqlite3(file(), "select deleted_at - confirmed_at from issued"), "32400");
  const Bytes next = issue("CSFa", 3, 3);
  store_.confirmed(next, kNow + hours(10));
  EXPECT_EQ(store_.held("CSFa")->serial, next);
}

TEST_F(EnrolmentStoreTest, KeepsTheLastOutcomeOfARequestAndOfAPhone) {
  store_.finished({"CSFa", 1, Operation::install, OperationStatus::communication_failure, kNow});
  store_.finished(
      {"CSFa", 1, Operation::install, OperationStatus::invalid_auth_string, kNow + hours(1)});
  store_.finished({"CSFb", 2, Operation::remove, OperationStatus::late, kNow});
  EXPECT_EQ(store_.outcome("CSFa", 1)->status, OperationStatus::invalid_auth_string);
  store_.finished({"CSFa", 10, Operation::troubleshoot, OperationStatus::success, kNow});
  const auto last = store_.last_outcomes();
  ASSERT_EQ(last.size(), 2U);
  EXPECT_EQ(last[0].phone, "CSFa");
  EXPECT_EQ(last[0].request, 10);
  EXPECT_EQ(last[0].operation, Operation::troubleshoot);
  EXPECT_EQ(last[1].phone, "CSFb");
  EXPECT_EQ(last[1].status, OperationStatus::late);
  EXPECT_EQ(last[1].at, kNow);
}

TEST_F(EnrolmentStoreTest, FindsByIndex) {
  for (const char* query : {"select der from issued where serial = 'a'",
                            "select der from issued where phone = 'a' and confirmed_at is not null",
                            "select status from outcome where phone = 'a' and request = 1"})
    EXPECT_THAT(test::sqlite3(file(), std::string("explain query plan ") + query),
                testing::HasSubstr("USING INDEX"));
}

}  // namespace
}  // namespace ringfence::core

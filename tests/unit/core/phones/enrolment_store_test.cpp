#include "core/phones/enrolment_store.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/phones/capf_inventory.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

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
  EXPECT_EQ(test::sqlite3(file(), "select count(*) from outcome"), "0");
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
  EXPECT_EQ(store_.held("CSFa")->serial, other);
  EXPECT_EQ(store_.held("CSFc"), std::nullopt);
  const auto stale = store_.stale();
  ASSERT_EQ(stale.size(), 2U);
  EXPECT_EQ(stale[0].serial, lost);
  EXPECT_EQ(stale[1].phone, "CSFc");
}

TEST_F(EnrolmentStoreTest, ForgetsNothingWhenThePhoneDeletedItsCertificate) {
  store_.confirmed(issue("CSFa", 1, 1), kNow);
  store_.removed("CSFa", 2, kNow + hours(9));
  EXPECT_EQ(store_.held("CSFa"), std::nullopt);
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
  EXPECT_EQ(store_.outcome("CSFa", 10)->operation, Operation::troubleshoot);
  EXPECT_EQ(store_.outcome("CSFa", 1)->status, OperationStatus::invalid_auth_string);
  EXPECT_EQ(store_.outcome("CSFb", 2)->at, kNow);
}

TEST_F(EnrolmentStoreTest, LetsASuccessStandWhenAFailureComesLate) {
  store_.confirmed(issue("CSFa", 1, 1), kNow);
  store_.finished(
      {"CSFa", 1, Operation::install, OperationStatus::communication_failure, kNow + hours(1)});
  EXPECT_EQ(store_.outcome("CSFa", 1)->status, OperationStatus::success);
  EXPECT_EQ(store_.outcome("CSFa", 1)->at, kNow);
}

TEST_F(EnrolmentStoreTest, CallsStaleOnlyWhatNothingCanConfirmAnyMore) {
  const Bytes lost = issue("CSFa", 1, 1);
  const Bytes under_way = issue("CSFb", 2, 2);  // an hour later
  EXPECT_EQ(store_.stale().size(), 2U);
  const auto stale = store_.stale(now_);
  ASSERT_EQ(stale.size(), 1U);
  EXPECT_EQ(stale[0].serial, lost);
  EXPECT_EQ(store_.stale(now_ + EnrolmentStore::kUnderWay - std::chrono::seconds(1)).size(), 1U);
  EXPECT_EQ(store_.stale(now_ + EnrolmentStore::kUnderWay).size(), 2U);

  EXPECT_EQ(store_.clear_stale(std::nullopt, now_), 1U);
  EXPECT_EQ(store_.certificate(lost)->cleared_at, now_);
  EXPECT_EQ(store_.certificate(under_way)->cleared_at, std::nullopt);
  store_.confirmed(under_way, now_);
  EXPECT_TRUE(store_.stale().empty());
  EXPECT_EQ(store_.clear_stale(std::nullopt, now_ + hours(1)), 0U);
}

TEST_F(EnrolmentStoreTest, ClearsTheStaleOnesOfOnePhoneAndKeepsTheirRows) {
  const Bytes first = issue("CSFa", 1, 1);
  const Bytes second = issue("CSFa", 1, 2);
  const Bytes other = issue("CSFb", 2, 3);
  const Time later = now_ + hours(1);
  EXPECT_EQ(store_.clear_stale("CSFc", later), 0U);
  EXPECT_EQ(store_.clear_stale("CSFa", later), 2U);
  EXPECT_EQ(store_.clear_stale("CSFa", later), 0U) << "cleared twice";
  ASSERT_EQ(store_.stale(later).size(), 1U);
  EXPECT_EQ(store_.stale(later)[0].serial, other);
  for (const Bytes& serial : {first, second}) EXPECT_TRUE(store_.certificate(serial));
  EXPECT_THROW(issue("CSFd", 4, 1), Error) << "the serial of a cleared one was given again";
}

TEST_F(EnrolmentStoreTest, FindsACertificateBySerial) {
  const Bytes serial = issue("CSFa", 7, 1);
  const auto found = store_.certificate(serial);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->phone, "CSFa");
  EXPECT_EQ(found->der, (Bytes{0x30, 0, 1, 0}));
  EXPECT_EQ(store_.certificate(Bytes{9}), std::nullopt);
}

PendingCsr pending(const std::string& phone, std::int64_t request, std::uint8_t key) {
  return {phone, request, Bytes{0x30, key}, "EC P-384", "CP-8861", "10.1.2.3:49152", kNow, {}};
}

TEST_F(EnrolmentStoreTest, KeepsOneCsrAPhoneTheLast) {
  EXPECT_EQ(store_.csr("CSFa"), std::nullopt);
  store_.requested(pending("CSFb", 1, 1));
  store_.requested(pending("CSFa", 2, 2));
  store_.requested(pending("CSFa", 3, 3));
  const auto csr = store_.csr("CSFa");
  ASSERT_TRUE(csr);
  EXPECT_EQ(csr->request, 3);
  EXPECT_EQ(csr->spki, (Bytes{0x30, 3}));
  EXPECT_EQ(csr->key, "EC P-384");
  EXPECT_EQ(csr->model, "CP-8861");
  EXPECT_EQ(csr->peer, "10.1.2.3:49152");
  EXPECT_EQ(csr->created, kNow);
  EXPECT_EQ(csr->serial, std::nullopt);
  const auto all = store_.csrs();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].phone, "CSFa");
  EXPECT_EQ(all[1].phone, "CSFb");
  EXPECT_TRUE(store_.remove_csr("CSFa"));
  EXPECT_FALSE(store_.remove_csr("CSFa"));
  EXPECT_EQ(store_.csrs().size(), 1U);
}

TEST_F(EnrolmentStoreTest, LetsNoUnprovenOutcomeHideWhatThePhoneFailed) {
  const auto outcome = [](OperationStatus status, const char* peer) {
    return Outcome{"CSFa", 1, Operation::install, status, kNow, peer};
  };
  store_.finished(outcome(OperationStatus::unproven, "10.6.6.6:1"));
  store_.finished(outcome(OperationStatus::failed, "10.0.0.1:1"));
  store_.finished(outcome(OperationStatus::unproven, "10.6.6.6:2"));
  EXPECT_EQ(store_.outcome("CSFa", 1)->status, OperationStatus::failed);
  IssuedCertificate row;
  row.phone = "CSFa";
  row.request = 1;
  row.serial = {0x41};
  row.peer = "10.6.6.6:49152";
  row.proof = "null-string";
  row.elsewhere = "10.0.0.1";
  row.issued_at = kNow;
  store_.issued(row);
  store_.confirmed(row.serial, kNow);
  EXPECT_EQ(store_.outcome("CSFa", 1)->status, OperationStatus::failed);
  store_.finished(outcome(OperationStatus::unproven, "10.0.0.1:2"));
  EXPECT_EQ(store_.outcome("CSFa", 1)->status, OperationStatus::unproven) << "the same peer";
}

TEST_F(EnrolmentStoreTest, LetsNoUnprovenOutcomeEndTheWaitForTheOfflineCa) {
  store_.requested(pending("CSFa", 1, 1));
  for (const std::int64_t request : {1, 2})
    store_.finished(
        {"CSFa", request, Operation::install, OperationStatus::unproven, kNow, "10.6.6.6:1"});
  EXPECT_EQ(store_.outcome("CSFa", 1), std::nullopt);
  EXPECT_NE(store_.outcome("CSFa", 2), std::nullopt) << "another request's key waits";
}

class ImportedCertificate : public EnrolmentStoreTest {
 protected:
  /// import brings the certificate of serial 00<serial>ff for the CSR of `key`.
  void import(const std::string& phone, std::uint8_t serial, std::uint8_t key) {
    IssuedCertificate certificate;
    certificate.phone = phone;
    certificate.request = 1;
    certificate.serial = {0, serial, 0xff};
    certificate.issuer = "CN=Offline CA";
    certificate.issued_at = kNow;
    store_.imported(certificate, Bytes{0x30, key});
  }

  /// refusal returns the code with which an import is refused.
  Code refusal(const std::string& phone, std::uint8_t serial, std::uint8_t key) {
    try {
      import(phone, serial, key);
    } catch (const Error& error) {
      return error.code();
    }
    return Code::internal;
  }
};

TEST_F(ImportedCertificate, WaitsInItsCsrUntilThePhoneConfirmsIt) {
  store_.requested(pending("CSFa", 1, 5));
  import("CSFa", 1, 5);
  const Bytes serial{0, 1, 0xff};
  EXPECT_EQ(store_.csr("CSFa")->serial, serial);
  ASSERT_TRUE(store_.certificate(serial));
  EXPECT_EQ(store_.certificate(serial)->issuer, "CN=Offline CA");
  EXPECT_TRUE(store_.stale(kNow + hours(1000)).empty()) << "the phone comes when it comes";
  EXPECT_EQ(store_.clear_stale("CSFa", kNow + hours(1000)), 0U);
  store_.confirmed(serial, kNow);
  EXPECT_EQ(store_.csr("CSFa"), std::nullopt);
  EXPECT_EQ(store_.held("CSFa")->serial, serial);
  EXPECT_EQ(store_.outcome("CSFa", 1)->status, OperationStatus::success);
}

TEST_F(ImportedCertificate, IsStaleOnceThePhoneMadeAnotherKeyOrItsCsrIsRemoved) {
  store_.requested(pending("CSFa", 1, 5));
  import("CSFa", 1, 5);
  store_.requested(pending("CSFa", 2, 6));
  EXPECT_EQ(store_.csr("CSFa")->serial, std::nullopt);
  EXPECT_EQ(store_.stale(kNow + hours(1)).size(), 1U);
  import("CSFa", 2, 6);
  store_.remove_csr("CSFa");
  EXPECT_EQ(store_.stale(kNow + hours(1)).size(), 2U);
}

TEST_F(ImportedCertificate, IsRefusedWholeForAnotherKeyNoCsrOrASerialTwice) {
  EXPECT_EQ(refusal("CSFa", 1, 5), Code::conflict);
  store_.requested(pending("CSFa", 1, 5));
  store_.requested(pending("CSFb", 2, 6));
  EXPECT_EQ(refusal("CSFa", 1, 6), Code::conflict);
  EXPECT_EQ(test::sqlite3(file(), "select count(*) from issued"), "0");
  import("CSFa", 1, 5);
  EXPECT_EQ(refusal("CSFb", 1, 6), Code::conflict);
  EXPECT_EQ(store_.csr("CSFb")->serial, std::nullopt) << "its CSR was marked all the same";
}

TEST_F(EnrolmentStoreTest, KeepsTheLastEventsOfEachPhone) {
  for (int i = 0; i < EnrolmentStore::kEventsKept + 10; ++i) {
    store_.happened({0, kNow + std::chrono::seconds(i), "CSFa", "10.1.2.3:4711", "late",
                     "number " + std::to_string(i)});
    if (i == 0) store_.happened({0, kNow, "CSFb", "10.1.2.4:4711", "lost", "it was lost"});
  }
  const auto events = store_.events("CSFa");
  ASSERT_EQ(events.size(), static_cast<std::size_t>(EnrolmentStore::kEventsKept));
  EXPECT_EQ(events.front().detail, "number 59");
  EXPECT_EQ(events.back().detail, "number 10");
  EXPECT_EQ(events.front().at, kNow + std::chrono::seconds(59));
  EXPECT_EQ(events.front().peer, "10.1.2.3:4711");
  EXPECT_EQ(events.front().kind, "late");
  ASSERT_EQ(store_.events("CSFb").size(), 1U);
  EXPECT_TRUE(store_.events("CSFc").empty());
}

TEST_F(EnrolmentStoreTest, GoesByTheOrderOfTheJournalWhenTheClockIsSetBack) {
  const Bytes before = issue("CSFa", 1, 1);
  store_.confirmed(before, kNow);
  const Bytes renewed = issue("CSFa", 2, 2);
  store_.confirmed(renewed, kNow - hours(24));
  EXPECT_EQ(store_.held("CSFa")->serial, renewed);
  EXPECT_EQ(CapfInventory(database_).of("CSFa").held->serial, renewed);
  EXPECT_GT(store_.certificate(renewed)->sequence, store_.certificate(before)->sequence);
  issue("CSFb", 3, 3);
  EXPECT_EQ(store_.stale(kNow - hours(24)).size(), 1U) << "it is not under way for a day";
}

TEST_F(EnrolmentStoreTest, BelievesWhatAPhoneShows) {
  const Bytes older = issue("CSFa", 1, 1);
  store_.confirmed(older, kNow);
  const Bytes held = issue("CSFa", 2, 2);
  store_.confirmed(held, kNow);
  store_.showed("CSFa", std::nullopt, kNow + hours(1));
  EXPECT_FALSE(store_.held("CSFa")) << "nor is it the one before";
  CapfState state = CapfInventory(database_).of("CSFa");
  EXPECT_FALSE(state.held);
  ASSERT_TRUE(state.shown);
  EXPECT_TRUE(state.shown->serial.empty());

  store_.showed("CSFa", store_.certificate(held), kNow + hours(2));
  EXPECT_EQ(store_.held("CSFa")->serial, held);
  EXPECT_FALSE(CapfInventory(database_).of("CSFa").shown);

  IssuedCertificate foreign;
  foreign.serial = {0x77};
  foreign.der = {0x30, 0x01, 0x07};
  foreign.subject = "CN=CSFa";
  foreign.issuer = "CN=CAPF-elsewhere";
  store_.showed("CSFa", foreign, kNow + hours(3));
  state = CapfInventory(database_).of("CSFa");
  EXPECT_FALSE(state.held);
  EXPECT_EQ(state.shown->issuer, "CN=CAPF-elsewhere");

  const Bytes renewed = issue("CSFa", 3, 3);
  store_.confirmed(renewed, kNow);
  EXPECT_EQ(store_.held("CSFa")->serial, renewed);
  EXPECT_FALSE(CapfInventory(database_).of("CSFa").shown);
}

TEST_F(EnrolmentStoreTest, FindsWhoElseHasAKey) {
  IssuedCertificate row;
  row.phone = "CSFa";
  row.request = 1;
  row.serial = {0x01};
  row.key_hash = "abcd";
  row.issued_at = kNow;
  row.not_after = kNow + hours(1);
  store_.issued(row);
  EXPECT_EQ(store_.key_holder("abcd", {}, "CSFb", kNow), "CSFa");
  EXPECT_EQ(store_.key_holder("abcd", {}, "CSFa", kNow), std::nullopt) << "its own";
  EXPECT_EQ(store_.key_holder("abcd", {}, "CSFb", kNow + hours(2)), std::nullopt) << "expired";
  EXPECT_EQ(store_.key_holder("", {}, "CSFb", kNow), std::nullopt);
  row.phone = "CSFb";
  row.serial = {0x02};
  EXPECT_THROW(store_.issued(row), Error) << "two sessions may bring it at once";
  PendingCsr csr;
  csr.phone = "CSFa";
  csr.request = 1;
  csr.spki = {0x30, 0x01};
  store_.requested(csr);
  csr.request = 2;
  store_.requested(csr);
  csr.phone = "CSFb";
  EXPECT_THROW(store_.requested(csr), Error) << "here too";
  EXPECT_EQ(store_.csrs().size(), 1U);
}

TEST_F(EnrolmentStoreTest, CountsTheCertificatesOfARequestByAddress) {
  IssuedCertificate row;
  row.phone = "CSFa";
  row.request = 1;
  row.proof = "null-string";
  const char* const peers[] = {"10.0.0.1:49152", "10.0.0.1:50000", "10.0.0.11:49152"};
  for (std::uint8_t i = 0; i < 3; ++i) {
    row.serial = {std::uint8_t(i + 1)};
    row.peer = peers[i];
    row.issued_at = kNow + seconds(i);
    store_.issued(row);
  }
  EXPECT_EQ(store_.issues("CSFa", 1, "10.0.0.1").count, 2);
  EXPECT_EQ(store_.issues("CSFa", 1, "10.0.0.1").last, kNow + seconds(1));
  EXPECT_EQ(store_.issues("CSFa", 1, "10.0.0.11").count, 1);
  EXPECT_EQ(store_.issues("CSFa", 1, "10.0.0.2").count, 0);
  EXPECT_EQ(store_.issues("CSFa", 1, "").count, 3);
  EXPECT_EQ(store_.issues("CSFa", 2, "").count, 0);
  row = *store_.certificate(Bytes{1});
  EXPECT_EQ(enrolled_from(row), "10.0.0.1:49152") << "by the null string";
  row.proof = "auth-string";
  EXPECT_EQ(enrolled_from(row), std::nullopt);
  row.elsewhere = "10.0.0.9";
  EXPECT_EQ(enrolled_from(row), "10.0.0.1:49152");
}

TEST_F(EnrolmentStoreTest, HoldsNothingThatWentElsewhere) {
  const Bytes own = issue("CSFa", 1, 1);
  store_.confirmed(own, kNow);
  EXPECT_FALSE(store_.maybe_overwritten("CSFa"));
  for (const bool known_late : {false, true}) {
    IssuedCertificate row;
    row.phone = "CSFa";
    row.request = 2;
    row.serial = {static_cast<std::uint8_t>(known_late ? 0x41 : 0x42)};
    row.peer = "10.6.6.6:49152";
    row.proof = known_late ? "address" : "null-string";
    if (!known_late) row.elsewhere = "10.0.0.1";
    row.issued_at = kNow;
    store_.issued(row);
    store_.confirmed(row.serial, kNow, known_late ? "10.0.0.1" : "");
    EXPECT_EQ(store_.held("CSFa")->serial, own);
    EXPECT_TRUE(went_elsewhere(*store_.certificate(row.serial)));
    EXPECT_EQ(store_.outcome("CSFa", 2)->status, OperationStatus::unproven);
    EXPECT_EQ(store_.outcome("CSFa", 2)->peer, "10.6.6.6:49152");
    EXPECT_TRUE(store_.stale().empty());
    EXPECT_TRUE(store_.maybe_overwritten("CSFa"));
    store_.confirmed(own, kNow);
    EXPECT_FALSE(store_.maybe_overwritten("CSFa")) << "it has said since that it has its own";
  }
  IssuedCertificate proven;  // by its string, whatever the address
  proven.phone = "CSFa";
  proven.request = 2;
  proven.serial = {0x43};
  proven.proof = "auth-string";
  proven.elsewhere = "10.0.0.1";
  proven.issued_at = kNow;
  store_.issued(proven);
  store_.confirmed(proven.serial, kNow);
  EXPECT_EQ(store_.held("CSFa")->serial, proven.serial);
  EXPECT_EQ(store_.outcome("CSFa", 2)->status, OperationStatus::success);
}

TEST(EnrolmentStoreMigration, KeepsTheRowsOfAFileOfVersionOne) {
  const test::TemporaryFolder folder;
  const auto path = folder / "capf.db";
  { const Database database(path, Schema::capf, Access::read_write); }
  test::sqlite3(
      path,
      "drop table journal_number; drop table shown_lsc; drop table attempt;"
      " drop table security_event; drop table security_more;"
      " drop index issued_by_hold; drop index issued_by_key;"
      " alter table issued drop column sequence; alter table issued drop column held_sequence;"
      " alter table issued drop column key_hash; alter table issued drop column peer;"
      " alter table issued drop column elsewhere; alter table issued drop column missing_at;"
      " alter table issued drop column proof; alter table outcome drop column peer;"
      " drop index issued_unconfirmed; drop index outcome_by_time; drop table csr;"
      " drop table event; drop table trust_sign; drop table device_change;"
      " alter table issued drop column cleared_at; pragma user_version = 1;"
      " insert into issued values ('01', 'CSFa', 7, 'CN=a', 'CN=CAPF', '3000', 'RSA 2048',"
      " 2000000000, 1795255200, 1795255201, 1795255202, null);"
      " insert into issued values ('02', 'CSFb', 8, 'CN=b', 'CN=CAPF', '3000', 'RSA 2048',"
      " 2000000000, 1795255200, null, null, null);"
      " insert into outcome values ('CSFa', 7, 'install', 'success', 1795255202)");
  Database database(path, Schema::capf, Access::read_write);
  EnrolmentStore store(database);
  ASSERT_TRUE(store.held("CSFa"));
  EXPECT_EQ(store.held("CSFa")->request, 7);
  EXPECT_EQ(store.held("CSFa")->cleared_at, std::nullopt);
  EXPECT_EQ(store.outcome("CSFa", 7)->status, OperationStatus::success);
  ASSERT_EQ(store.stale(kNow + hours(1)).size(), 1U);
  EXPECT_EQ(store.clear_stale("CSFb", kNow + hours(1)), 1U);
  store.happened({0, kNow, "CSFa", "10.1.2.3:4711", "late", "it came too late"});
  EXPECT_EQ(store.events("CSFa").size(), 1U);
  EXPECT_TRUE(store.csrs().empty());
}

/// A session's calls must cost the same with a hundred phones and with a hundred thousand.
TEST_F(EnrolmentStoreTest, NeverReadsAWholeTableForASession) {
  for (const char* query :
       {"select der from issued where serial = 'a'",
        "select der from issued where held_sequence is not null and deleted_at is null"
        " and phone = 'a' order by held_sequence desc limit 1",
        "select 1 from issued where phone = 'a' and confirmed_at is not null"
        " and deleted_at is null and held_sequence is null and elsewhere <> '' and sequence > 1",
        "select count(*) from issued where phone = 'a' and request = 1"
        " and substr(peer, 1, 2) = 'a:'",
        "select phone from issued where key_hash = 'a' and key_hash <> '' and phone <> 'b'",
        "select phone from csr where spki = 'a' and phone <> 'b'",
        "select count from attempt where phone = 'a'",
        "select count(*) from security_event where phone = 'a' and kind = 'b' and at > 1",
        "select count(*) from security_event where at > 1",
        "select status from outcome where phone = 'a' and request = 1",
        "select spki from csr where phone = 'a'",
        "update issued set delivered_at = 1 where serial = 'a'",
        "update issued set confirmed_at = 1 where serial = 'a'",
        "update issued set deleted_at = 1 where phone = 'a' and confirmed_at is not null"
        " and deleted_at is null",
        "delete from csr where phone = 'a' and serial = 'b'",
        "delete from event where phone = 'a' and id <= (select id from event where phone = 'a'"
        " order by id desc limit 1 offset 50)"}) {
    const std::string plan = test::sqlite3(file(), std::string("explain query plan ") + query);
    EXPECT_THAT(plan, testing::HasSubstr("SEARCH")) << query;
    EXPECT_THAT(plan, testing::Not(testing::HasSubstr("SCAN"))) << query << "\n" << plan;
  }
}

/// With a group, what need not be waited for is not, and still comes behind what came before.
TEST_F(EnrolmentStoreTest, WritesThroughAGroupInOrder) {
  Database reader{Database::Beside{database_}};
  const EnrolmentStore seen(reader);
  {
    WriteGroup group(database_);
    EnrolmentStore store(database_, group);
    IssuedCertificate certificate;
    for (std::uint8_t i = 1; i <= 50; ++i) {
      certificate.phone = "CSF" + std::to_string(i);
      certificate.request = i;
      certificate.serial = {i};
      store.issued(certificate);
      EXPECT_TRUE(seen.certificate(certificate.serial)) << "it was not committed on return";
      store.delivered(certificate.serial, kNow);
      store.happened({0, kNow, certificate.phone, "10.1.2.3:4711", "late", "it came too late"});
      store.confirmed(certificate.serial, kNow);
      EXPECT_EQ(seen.held(certificate.phone)->delivered_at, kNow);
      EXPECT_EQ(seen.events(certificate.phone).size(), 1U);
    }
    EXPECT_THROW(store.issued(certificate), Error);
    EXPECT_EQ(group.counts().works, 201U);
    EXPECT_EQ(group.counts().commits, 101U) << "a queued write did not travel with another";
    store.delivered(Bytes{77}, kNow);  // logged, and nobody falls over it
    certificate.serial = {51};
    store.issued(certificate);
    store.delivered(certificate.serial, kNow);
  }
  EXPECT_EQ(seen.certificate(Bytes{51})->delivered_at, kNow) << "the last one was lost at the end";
}

}  // namespace
}  // namespace ringfence::core

// Keys that wait for an offline CA, in CAPF's journal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/phones/enrolment_store.h"
#include "tests/support/database_file.h"
#include "tests/unit/core/phones/enrolment_fixture.h"

namespace ringfence::core {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

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

}  // namespace
}  // namespace ringfence::core

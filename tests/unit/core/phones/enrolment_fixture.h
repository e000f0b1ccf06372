// A journal of CAPF on disk, for the tests of what it keeps.
#pragma once

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "core/phones/enrolment_store.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {

inline const Time kNow = from_seconds(1'795'255'200);

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
    certificate.issued_at = now_ += std::chrono::hours(1);
    store_.issued(certificate);
    return certificate.serial;
  }

  test::TemporaryFolder folder_;
  Database database_{file(), Schema::capf, Access::read_write};
  EnrolmentStore store_{database_};
  Time now_ = kNow;
};

}  // namespace ringfence::core

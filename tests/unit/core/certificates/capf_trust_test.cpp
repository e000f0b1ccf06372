#include "core/certificates/capf_trust.h"

#include <string>

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include "core/crypto/handles.h"

namespace ringfence::core {
namespace {

CapfTrustPurpose natural_purpose_of(const std::string& common_name) {
  const X509Cert certificate(X509_new());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  return natural_purpose(*certificate);
}

TEST(CapfTrustPurpose, KnowsCiscosMakersAndCapfsByTheirWholeNames) {
  for (const char* name : {"Cisco Manufacturing CA", "Cisco Manufacturing CA SHA2", "CAP-RTP-001",
                           "Cisco Root CA 2048"})
    EXPECT_EQ(natural_purpose_of(name), CapfTrustPurpose::mic) << name;
  EXPECT_EQ(natural_purpose_of("CAPF-0a1b2c3d"), CapfTrustPurpose::capf);
}

TEST(CapfTrustPurpose, TakesNoOtherCaForAMakerBeforeAnAdministratorSaysSo) {
  for (const char* name :
       {"Acme Manufacturing CA", "Manufacturing CA", "Not Cisco Manufacturing CA",
        "Cisco Manufacturing CA of Acme", "CAPF-12", "Company Root"}) {
    EXPECT_EQ(natural_purpose_of(name), CapfTrustPurpose::ca) << name;
  }
  const X509Cert nobody(X509_new());
  EXPECT_EQ(purpose_of("mic", *nobody), CapfTrustPurpose::mic);
  EXPECT_EQ(purpose_of("", *nobody), CapfTrustPurpose::ca);
}

}  // namespace
}  // namespace ringfence::core

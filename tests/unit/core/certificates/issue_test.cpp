#include "core/certificates/issue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/core/crypto/openssl_tool.h"

namespace ringfence::core {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

const Time kNow = from_seconds(1479761383);  // 2016-11-21 20:49:43 UTC, the sample's notBefore

const Node kNode = {"ao115pub", {"TAC", "Cisco Systems", "Boxborough", "MA", "US"}};

EVP_PKEY& shared_rsa_key() {
  static const EvpPkey key = test::rsa_key();
  return *key;
}

X509Cert self_signed(Unit unit, Time now = kNow) {
  return issue_self_signed(unit, kNode, shared_rsa_key(), nullptr, now);
}

/// text_of_certificate is what `openssl x509 -text` says.
std::string text_of_certificate(const X509& certificate) {
  const test::TemporaryFolder folder;
  write_atomically(folder / "c.pem", bytes_of(to_pem(certificate)));
  return test::run_openssl("x509 -noout -text -in " + (folder / "c.pem").string()).output;
}

test::ToolResult verified_by_openssl(const X509& certificate, const X509& authority,
                                     const std::string& options) {
  const test::TemporaryFolder folder;
  write_atomically(folder / "c.pem", bytes_of(to_pem(certificate)));
  write_atomically(folder / "ca.pem", bytes_of(to_pem(authority)));
  return test::run_openssl("verify -attime 1479761400 " + options + " -CAfile " +
                           (folder / "ca.pem").string() + " " + (folder / "c.pem").string());
}

TEST(UnitCertificate, OfCapfMayIssueButNotDelegate) {
  const X509Cert capf = self_signed(Unit::capf);
  EXPECT_THAT(common_name_of(*capf), MatchesRegex("CAPF-[0-9a-f]{8}"));
  EXPECT_NE(common_name_of(*capf), common_name_of(*self_signed(Unit::capf)));
  EXPECT_EQ(subject_of(*capf),
            "CN=" + common_name_of(*capf) + ";OU=TAC;O=Cisco Systems;L=Boxborough;ST=MA;C=US");
  EXPECT_EQ(issuer_of(*capf), subject_of(*capf));
  const std::string text = text_of_certificate(*capf);
  EXPECT_THAT(text, HasSubstr("Basic Constraints: critical\n                CA:TRUE, pathlen:0"));
  EXPECT_THAT(text, HasSubstr("Key Usage: critical\n                Digital Signature, "
                              "Certificate Sign\n"));
  EXPECT_THAT(text, HasSubstr("TLS Web Server Authentication, TLS Web Client Authentication\n"));
  EXPECT_THAT(text, HasSubstr("Subject Key Identifier"));
  EXPECT_THAT(text, HasSubstr("Signature Algorithm: sha256WithRSAEncryption"));
}

TEST(UnitCertificate, IsValidForTheFiveYearsOfTheSample) {
  const X509Cert capf = self_signed(Unit::capf);
  EXPECT_EQ(to_java_date(not_before_of(*capf)), "Mon Nov 21 20:49:43 UTC 2016");
  EXPECT_EQ(to_java_date(not_after_of(*capf)), "Sat Nov 20 20:49:42 UTC 2021");
}

TEST(UnitCertificate, HasASixteenByteSerialThatIsNeverTheSame) {
  const Bytes first = serial_of(*self_signed(Unit::tvs));
  EXPECT_EQ(first.size(), 16U);
  EXPECT_LT(first[0], 0x80);
  EXPECT_GE(first[0], 0x40);
  EXPECT_NE(first, serial_of(*self_signed(Unit::tvs)));
}

TEST(UnitCertificate, OfCallManagerServesTlsForItsHost) {
  const X509Cert certificate = self_signed(Unit::call_manager);
  EXPECT_EQ(common_name_of(*certificate), "ao115pub");
  const std::string text = text_of_certificate(*certificate);
  EXPECT_THAT(text, HasSubstr("Digital Signature, Key Encipherment, Data Encipherment\n"));
  EXPECT_THAT(text, HasSubstr("DNS:ao115pub\n"));
  EXPECT_THAT(text, Not(HasSubstr("CA:TRUE")));
  EXPECT_EQ(verified_by_openssl(*certificate, *certificate, "-verify_hostname ao115pub").status, 0);
}

TEST(UnitCertificate, OfTheRecoveryKeyIsNamedAfterTheHost) {
  EXPECT_EQ(common_name_of(*self_signed(Unit::itl_recovery)), "ITLRECOVERY_ao115pub");
}

TEST(UnitCertificate, OfTheEcUnitIsSignedWithSha384) {
  const EvpPkey key = test::ec_key("P-384");
  const X509Cert certificate =
      issue_self_signed(Unit::call_manager_ecdsa, kNode, *key, nullptr, kNow);
  EXPECT_EQ(common_name_of(*certificate), "ao115pub-EC");
  EXPECT_EQ(public_key_of(*certificate).size(), 97U);
  EXPECT_THAT(text_of_certificate(*certificate), HasSubstr("ecdsa-with-SHA384"));
}

TEST(UnitCertificate, TakesAHostNameAsOneNameWhateverItContains) {
  const Node sly = {"a,DNS:evil", {}};
  const X509Cert certificate =
      issue_self_signed(Unit::call_manager, sly, shared_rsa_key(), nullptr, kNow);
  EXPECT_EQ(subject_of(*certificate), "CN=a,DNS:evil");
  EXPECT_THAT(describe_certificate(*certificate), HasSubstr("dNSName: a,DNS:evil\n"));
  const auto other = verified_by_openssl(*certificate, *certificate, "-verify_hostname evil");
  EXPECT_NE(other.status, 0);
}

TEST(UnitCertificate, RefusesNamesThatDoNotFit) {
  const auto issue = [](const Node& node) {
    return issue_self_signed(Unit::tvs, node, shared_rsa_key(), nullptr, kNow);
  };
  EXPECT_THROW(issue({"", {}}), Error);
  EXPECT_THROW(issue({std::string(65, 'h'), {}}), Error);
  EXPECT_THROW(issue({"host", {"", "", "", "", "USA"}}), Error);
  EXPECT_THROW(issue({"host", {"\xff\xfe", "", "", "", ""}}), Error);
}

class Lsc : public testing::Test {
 protected:
  X509Cert issue(LscRequest request, Time now = kNow) {
    if (request.spki.empty()) request.spki = test::spki_der(*phone_key_);
    return issue_lsc(request, *capf_, shared_rsa_key(), nullptr, now);
  }

  X509Cert capf_ = self_signed(Unit::capf);
  EvpPkey phone_key_ = test::ec_key("P-256");
};

TEST_F(Lsc, ChainsToTheCapfCertificateForOpenSsl) {
  const X509Cert lsc = issue({"SEP001122334455", "CP-8861", {}});
  const auto verified = verified_by_openssl(*lsc, *capf_, "-x509_strict -purpose sslclient");
  EXPECT_EQ(verified.status, 0) << verified.output;
  EXPECT_EQ(verified_by_openssl(*lsc, *capf_, "-purpose sslserver").status, 0);
  EXPECT_EQ(spki_of(*lsc), test::spki_der(*phone_key_));
}

TEST_F(Lsc, HasTheProfileOfCapf) {
  const X509Cert lsc = issue({"SEP001122334455", "CP-8861", {}});
  EXPECT_EQ(subject_of(*lsc),
            "CN=CP-8861-SEP001122334455;OU=TAC;O=Cisco Systems;L=Boxborough;ST=MA;C=US");
  EXPECT_EQ(issuer_of(*lsc), subject_of(*capf_));
  EXPECT_EQ(serial_of(*lsc).size(), 16U);
  const std::string text = text_of_certificate(*lsc);
  EXPECT_THAT(text, HasSubstr("Basic Constraints: critical\n                CA:FALSE"));
  EXPECT_THAT(text, HasSubstr("Key Usage: critical\n                Digital Signature, "
                              "Key Encipherment\n"));
  EXPECT_THAT(text, HasSubstr("TLS Web Server Authentication, TLS Web Client Authentication, "
                              "IPSec End System\n"));
  EXPECT_THAT(text, HasSubstr("Signature Algorithm: sha256WithRSAEncryption"));
  EXPECT_THAT(text, HasSubstr("Authority Key Identifier"));
}

TEST_F(Lsc, IsNamedByTheDeviceAloneWithoutAModel) {
  EXPECT_EQ(common_name_of(*issue({"CSFALICE", "", {}})), "CSFALICE");
}

TEST_F(Lsc, EndsNoLaterThanItsIssuer) {
  EXPECT_EQ(not_after_of(*issue({"SEP1", "", {}, std::chrono::days(365)})),
            kNow + std::chrono::days(365) - std::chrono::seconds(1));
  const Time late = not_after_of(*capf_) - std::chrono::hours(1);
  EXPECT_EQ(not_after_of(*issue({"SEP1", "", {}}, late)), not_after_of(*capf_));
  try {
    issue({"SEP1", "", {}}, not_after_of(*capf_) + std::chrono::seconds(1));
    FAIL() << "an expired CA issued";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::refused);
    EXPECT_STREQ(error.what(), "the CAPF certificate expired at 2021-11-20T20:49:42Z");
  }
}

TEST_F(Lsc, TakesTheIssuerFromTheSubjectOfACaThatAThirdPartySigned) {
  const test::TemporaryFolder folder;
  const std::string at = folder.path().string() + "/";
  const EvpPkey key = test::rsa_key();
  const Bio bio(BIO_new_file((at + "capf.key").c_str(), "w"));
  ASSERT_EQ(PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr),
            1);
  ASSERT_EQ(BIO_flush(bio.get()), 1);
  write_atomically(at + "ext", bytes_of("basicConstraints=critical,CA:TRUE,pathlen:0\n"
                                        "keyUsage=critical,keyCertSign,digitalSignature\n"
                                        "subjectKeyIdentifier=hash\n"));
  ASSERT_EQ(test::run_openssl("req -x509 -nodes -newkey rsa:2048 -days 9 -subj '/O=Third/CN=Root' "
                              "-keyout " +
                              at + "root.key -out " + at + "root.pem")
                .status,
            0);
  ASSERT_EQ(test::run_openssl("req -new -key " + at +
                              "capf.key -subj '/C=CZ/O=Ours/CN=Our CAPF' "
                              "-out " +
                              at + "capf.csr")
                .status,
            0);
  ASSERT_EQ(test::run_openssl("x509 -req -days 9 -in " + at + "capf.csr -CA " + at +
                              "root.pem "
                              "-CAkey " +
                              at + "root.key -extfile " + at +
                              "ext -outform DER "
                              "-out " +
                              at + "capf.der")
                .status,
            0);
  const X509Cert authority = parse_certificate(read_file(at + "capf.der", 10000));
  const X509Cert lsc = issue_lsc({"SEP1", "", test::spki_der(*phone_key_)}, *authority, *key,
                                 nullptr, SystemClock().now());
  EXPECT_EQ(issuer_of(*lsc), "CN=Our CAPF;O=Ours;C=CZ");
  EXPECT_EQ(subject_of(*lsc), "CN=SEP1;O=Ours;C=CZ");
  write_atomically(at + "lsc.pem", bytes_of(to_pem(*lsc)));
  write_atomically(at + "capf.pem", bytes_of(to_pem(*authority)));
  const auto verified = test::run_openssl("verify -CAfile " + at + "root.pem -untrusted " + at +
                                          "capf.pem " + at + "lsc.pem");
  EXPECT_EQ(verified.status, 0) << verified.output;
}

TEST_F(Lsc, IsNotIssuedWithAnotherKeyThanTheCertificates) {
  const EvpPkey stranger = test::rsa_key();
  EXPECT_THROW(
      issue_lsc({"SEP1", "", test::spki_der(*phone_key_)}, *capf_, *stranger, nullptr, kNow),
      Error);
}

TEST_F(Lsc, RefusesKeysThatNoPhoneHas) {
  EXPECT_NO_THROW(issue({"SEP1", "", test::spki_der(*test::rsa_key(1024))}));
  EXPECT_NO_THROW(issue({"SEP1", "", test::spki_der(*test::ec_key("P-521"))}));
  const EvpPkey edwards(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const Bytes whole = test::spki_der(*phone_key_);
  Bytes longer = whole;
  longer.push_back(0);
  const std::vector<Bytes> bad = {test::spki_der(*edwards),
                                  test::spki_der(*test::ec_key("secp256k1")),
                                  Bytes(whole.begin(), whole.end() - 1),
                                  longer,
                                  Bytes(5000, 0x30),
                                  Bytes{1}};
  for (const Bytes& spki : bad) {
    try {
      issue({"SEP1", "", spki});
      ADD_FAILURE() << to_hex(spki);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::malformed) << error.what();
    }
  }
}

}  // namespace
}  // namespace ringfence::core

#include "core/certificates/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/core/crypto/openssl_tool.h"

namespace ringfence::core {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

const Node kNode = {"ao115pub", {"TAC", "Cisco Systems", "Boxborough", "MA", "US"}};

/// text_by_openssl is what `openssl req -text -verify` says of a request.
test::ToolResult text_by_openssl(const X509_REQ& request, const std::string& options) {
  const test::TemporaryFolder folder;
  write_atomically(folder / "r.pem", bytes_of(to_pem(request)));
  return test::run_openssl("req -noout -text " + options + " -in " + (folder / "r.pem").string());
}

TEST(UnitRequest, OfCapfAsksToIssueAndIsSignedByItsOwnKey) {
  const EvpPkey key = test::rsa_key();
  const X509Request request = make_unit_request(Unit::capf, kNode, *key, nullptr);
  EXPECT_THAT(subject_of(*request), MatchesRegex("CN=CAPF-[0-9a-f]{8};OU=TAC;O=Cisco Systems;"
                                                 "L=Boxborough;ST=MA;C=US"));
  EXPECT_EQ(spki_of(*request), test::spki_der(*key));
  const test::ToolResult text = text_by_openssl(*request, "-verify");
  EXPECT_EQ(text.status, 0) << text.output;
  EXPECT_THAT(text.output, HasSubstr("self-signature verify OK"));
  EXPECT_THAT(text.output, HasSubstr("CA:TRUE, pathlen:0"));
  EXPECT_THAT(text.output, HasSubstr("Digital Signature, Certificate Sign\n"));
  EXPECT_THAT(text.output, HasSubstr("TLS Web Server Authentication, TLS Web Client"));
  EXPECT_THAT(text.output, HasSubstr("sha256WithRSAEncryption"));
}

TEST(UnitRequest, HasANewNameEachTime) {
  const EvpPkey key = test::rsa_key();
  EXPECT_NE(subject_of(*make_unit_request(Unit::capf, kNode, *key, nullptr)),
            subject_of(*make_unit_request(Unit::capf, kNode, *key, nullptr)));
}

TEST(UnitRequest, IsShownAsACertificateIs) {
  const EvpPkey key = test::rsa_key();
  const X509Request request = make_unit_request(Unit::capf, kNode, *key, nullptr);
  const std::string text = describe_request(*request);
  EXPECT_THAT(text,
              HasSubstr("[\nVersion: V1\nSignatureAlgorithm: SHA256withRSA "
                        "(1.2.840.113549.1.1.11)\nSubject Name: L=Boxborough, ST=MA, CN=CAPF-"));
  EXPECT_THAT(text, HasSubstr("Key: RSA (1.2.840.113549.1.1.1)\nKey value:\n3082"));
  EXPECT_THAT(text, HasSubstr("Extensions: 3 present\n[\nExtension: BasicConstraints"));
  EXPECT_THAT(text, HasSubstr("Usages: digitalSignature, keyCertSign\n"));
}

TEST(UnitRequest, SurvivesItsOwnBytesAndNothingElse) {
  const EvpPkey key = test::rsa_key();
  const X509Request request = make_unit_request(Unit::capf, kNode, *key, nullptr);
  Bytes der = to_der(*request);
  EXPECT_EQ(to_der(*parse_request(der)), der);
  der.push_back(0);
  EXPECT_THROW(parse_request(der), Error);
  der.resize(der.size() / 2);
  EXPECT_THROW(parse_request(der), Error);
}

TEST(PhoneRequest, HasTheNameOfAnLscAndIsSignedByCapf) {
  const EvpPkey capf_key = test::rsa_key();
  const X509Cert capf =
      issue_self_signed(Unit::capf, kNode, *capf_key, nullptr, SystemClock().now());
  const EvpPkey phone = test::ec_key("P-384");
  const X509Request request = make_phone_request(
      {"SEP001122334455", "CP-8861", test::spki_der(*phone)}, *capf, *capf_key, nullptr);
  EXPECT_EQ(subject_of(*request),
            "CN=CP-8861-SEP001122334455;OU=TAC;O=Cisco Systems;L=Boxborough;ST=MA;C=US");
  EXPECT_EQ(spki_of(*request), test::spki_der(*phone));
  EXPECT_EQ(X509_REQ_verify(request.get(), capf_key.get()), 1);
  const test::ToolResult text = text_by_openssl(*request, "");
  EXPECT_THAT(text.output, HasSubstr("CA:FALSE"));
  EXPECT_THAT(text.output, HasSubstr("Digital Signature, Key Encipherment\n"));
  EXPECT_THAT(text.output, HasSubstr("TLS Web Client Authentication"));
}

TEST(PhoneRequest, RefusesAKeyThatNoPhoneHas) {
  const EvpPkey capf_key = test::rsa_key();
  const X509Cert capf =
      issue_self_signed(Unit::capf, kNode, *capf_key, nullptr, SystemClock().now());
  EXPECT_THROW(make_phone_request({"SEP001122334455", "", {1, 2, 3}}, *capf, *capf_key, nullptr),
               Error);
}

}  // namespace
}  // namespace ringfence::core

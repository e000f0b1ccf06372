#include "core/crypto/x509.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/core/crypto/openssl_tool.h"

namespace ringfence::core {
namespace {

using testing::HasSubstr;

/// made_by_openssl returns a certificate that the openssl program made.
X509Cert made_by_openssl(const std::string& subject, const std::string& key =
                                                         "ec -pkeyopt "
                                                         "ec_paramgen_curve:"
                                                         "P-384") {
  const test::TemporaryFolder folder;
  const auto made =
      test::run_openssl("req -x509 -nodes -days 30 -newkey " + key + " -keyout " +
                        (folder / "k").string() + " -outform DER -out " + (folder / "c").string() +
                        " -set_serial 0x64F2FE61 -subj '" + subject + "'");
  EXPECT_EQ(made.status, 0) << made.output;
  return parse_certificate(read_file(folder / "c", 10000));
}

TEST(Name, IsWrittenInTheOrderOfTrustListsWhateverTheEncoding) {
  const X509Cert certificate =
      made_by_openssl("/C=US/O=Cisco Systems/OU=TAC/CN=CAPF-7f0ae8d7/ST=MA/L=Boxborough");
  EXPECT_EQ(subject_of(*certificate),
            "CN=CAPF-7f0ae8d7;OU=TAC;O=Cisco Systems;L=Boxborough;ST=MA;C=US");
  EXPECT_EQ(issuer_of(*certificate), subject_of(*certificate));
  EXPECT_EQ(subject_of(*certificate, NameForm::display),
            "L=Boxborough, ST=MA, CN=CAPF-7f0ae8d7, OU=TAC, O=Cisco Systems, C=US");
  EXPECT_EQ(common_name_of(*certificate), "CAPF-7f0ae8d7");
}

TEST(Name, EscapesWhatWouldLookLikeAnotherPart) {
  const X509Cert certificate = made_by_openssl("/O=Acme, Inc./CN=a;CN=b");
  EXPECT_EQ(subject_of(*certificate), "CN=a\\;CN=b;O=Acme, Inc.");
  EXPECT_EQ(subject_of(*certificate, NameForm::display), "CN=\"a;CN=b\", O=\"Acme, Inc.\"");
}

TEST(Name, CannotForgeALineNorTurnItsReading) {
  // A line end, a terminal's escape, a C1 control, a direction override, a separator of lines.
  const X509Cert certificate = made_by_openssl(
      "/O=x/CN=a\nCAPF\x1b[2J\xc2\x85z\xe2\x80\xae"
      "gpj\xe2\x80\xa8m\xc3\xbcller' -utf8 -batch '-sha256");
  for (const NameForm form : {NameForm::trust_list, NameForm::display}) {
    const std::string subject = subject_of(*certificate, form);
    EXPECT_THAT(subject,
                HasSubstr("CN=a\\0aCAPF\\1b[2J\\c2\\85z\\e2\\80\\aegpj\\e2\\80\\a8m\xc3\xbcller"));
  }
  const std::string dump = describe_certificate(*certificate);
  EXPECT_THAT(dump, testing::Not(HasSubstr("\nCAPF")));
  EXPECT_THAT(dump, testing::Not(HasSubstr("\xe2\x80\xae")));
}

TEST(Certificate, SurvivesDerAndPem) {
  const X509Cert certificate = made_by_openssl("/CN=x");
  const Bytes der = to_der(*certificate);
  EXPECT_EQ(to_der(*parse_certificate(der)), der);
  const test::TemporaryFolder folder;
  write_atomically(folder / "c.pem", bytes_of(to_pem(*certificate)));
  const auto converted = test::run_openssl("x509 -in " + (folder / "c.pem").string() +
                                           " -outform DER -out " + (folder / "c.der").string());
  EXPECT_EQ(converted.status, 0) << converted.output;
  EXPECT_EQ(read_file(folder / "c.der", 10000), der);
}

TEST(Certificate, IsRefusedWhenTruncatedOrFollowedByBytes) {
  const Bytes der = to_der(*made_by_openssl("/CN=x"));
  for (std::size_t length = 0; length < der.size(); ++length)
    EXPECT_THROW(parse_certificate(BytesView(der).first(length)), Error) << length;
  Bytes longer = der;
  longer.push_back(0);
  EXPECT_THROW(parse_certificate(longer), Error);
}

TEST(Certificate, TellsItsFieldsAsTrustListsCarryThem) {
  const X509Cert ec = made_by_openssl("/CN=x");
  EXPECT_EQ(to_hex(serial_of(*ec), Case::upper), "64F2FE61");
  const Bytes point = public_key_of(*ec);
  EXPECT_EQ(point.size(), 97U);  // uncompressed P-384
  EXPECT_EQ(point[0], 4);
  EXPECT_EQ(not_after_of(*ec) - not_before_of(*ec), std::chrono::days(30));
  EXPECT_NEAR(static_cast<double>(signature_of(*ec).size()), 103.0, 3.0);

  const X509Cert rsa = made_by_openssl("/CN=x", "rsa:2048");
  EXPECT_EQ(public_key_of(*rsa).size(), 270U);  // PKCS#1 RSAPublicKey
  EXPECT_EQ(signature_of(*rsa).size(), 256U);
  const Bytes spki = spki_of(*rsa);
  EXPECT_EQ(spki, test::spki_der(*X509_get0_pubkey(rsa.get())));
}

TEST(Description, HasTheLabelsOfCucmsCertificatePane) {
  const X509Cert certificate = made_by_openssl("/C=US/CN=x/L=Town", "rsa:2048");
  const std::string text = describe_certificate(*certificate);
  EXPECT_EQ(text.substr(0, 2), "[\n");
  EXPECT_EQ(text.substr(text.size() - 4), "]\n]\n");
  EXPECT_THAT(text, HasSubstr("\nVersion: V3\nSerial Number: 64F2FE61\n"
                              "SignatureAlgorithm: SHA256withRSA (1.2.840.113549.1.1.11)\n"
                              "Issuer Name: L=Town, CN=x, C=US\nValidity From: "));
  EXPECT_THAT(text, HasSubstr("\nTo: " + to_java_date(not_after_of(*certificate)) + "\n"));
  EXPECT_THAT(text, HasSubstr("\nKey: RSA (1.2.840.113549.1.1.1)\nKey value:\n3082010a02820101"));
  EXPECT_THAT(text, HasSubstr("Extension: BasicConstraints (OID.2.5.29.19)\nCritical: true\n"
                              "isCA: true\n"));
}

TEST(Description, SaysEcdsaForAnEcKey) {
  const std::string text = describe_certificate(*made_by_openssl("/CN=x"));
  EXPECT_THAT(text, HasSubstr("SHA256withECDSA (1.2.840.10045.4.3.2)"));
  EXPECT_THAT(text, HasSubstr("Key: EC (1.2.840.10045.2.1)"));
}

TEST(OpenSsl, FailureNamesTheCallAndEmptiesTheQueue) {
  const Bytes nonsense = {1, 2, 3};
  const unsigned char* at = nonsense.data();
  EXPECT_EQ(d2i_X509(nullptr, &at, 3), nullptr);
  try {
    throw_openssl("d2i_X509");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::internal);
    EXPECT_EQ(std::string(error.what()).substr(0, 17), "d2i_X509 failed: ");
  }
  try {
    throw_openssl("next");
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "next failed");
  }
}

}  // namespace
}  // namespace ringfence::core

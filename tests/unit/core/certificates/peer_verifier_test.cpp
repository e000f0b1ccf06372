// Phones' certificates as a maker, a CAPF and thieves would make them, by the openssl program.
#include "core/certificates/peer_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/crypto/x509.h"
#include "tests/support/openssl_ca.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using test::OpensslCa;
using testing::HasSubstr;
using testing::StartsWith;
using Purpose = Anchors::Purpose;

constexpr std::string_view kPhone = "SEP001122334455";

X509Cert certificate_in(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Cert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

class MovableClock final : public Clock {
 public:
  Time now() const override { return SystemClock().now() + ahead; }

  std::chrono::seconds ahead{0};
};

class PeerVerifierTest : public testing::Test {
 protected:
  PeerVerifierTest() {
    key_ = test::openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    public_key_ = test::openssl("pkey -pubout", key_);
    anchors->trust(maker.der(), Purpose::mic);
    anchors->trust(capf.der(), Purpose::capf);
    anchors->trust(company.der(), Purpose::ca);
  }

  X509Cert leaf(const OpensslCa& ca, const std::string& name = "CP-8861-SEP001122334455",
                const std::string& extensions = OpensslCa::kLsc) {
    return certificate_in(ca.certify(public_key_, "/O=Example/CN=" + name, extensions));
  }

  /// refused returns why `certificate` is not the phone's, "" when it is.
  std::string refused(const X509Cert& certificate, PeerPurpose purpose = PeerPurpose::lsc,
                      std::string_view model = "Cisco 8861") {
    try {
      PeerVerifier(purpose, anchors, clock).verify(*certificate, kPhone, model);
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::refused);
      return error.what();
    }
  }

  /// alert returns the X509_V_ERR of a TLS server, which is what the peer gets to know.
  int alert(const X509Cert& certificate, std::vector<X509*> below = {},
            PeerPurpose purpose = PeerPurpose::phone) {
    const auto refusal = PeerVerifier(purpose, anchors, clock).refusal(*certificate, below);
    if (!refusal) return X509_V_OK;
    EXPECT_NE(refusal->why, "");
    return refusal->error;
  }

  test::TemporaryFolder folder;
  OpensslCa maker{folder.path(), "maker"};
  OpensslCa capf{folder.path(), "CAPF-0a1b2c3d"};
  OpensslCa company{folder.path(), "company"};
  std::shared_ptr<Anchors> anchors = std::make_shared<Anchors>("CAPF-trust");
  MovableClock clock;

 private:
  std::string key_;
  std::string public_key_;
};

TEST_F(PeerVerifierTest, SaysWhoseCertificateItIsAndWhoVouchesForIt) {
  const X509Cert lsc = leaf(capf);
  const VerifiedPeer peer =
      PeerVerifier(PeerPurpose::lsc, anchors, clock).verify(*lsc, kPhone, "Cisco 8861");
  EXPECT_EQ(peer.common_name, "CP-8861-SEP001122334455");
  EXPECT_EQ(peer.issuer.purpose, Purpose::capf);
  EXPECT_FALSE(peer.issuer.own);
  EXPECT_EQ(peer.issuer.subject, "CN=CAPF-0a1b2c3d;O=Other-House;C=DE");
  anchors->own(capf.der());
  EXPECT_TRUE(PeerVerifier(PeerPurpose::lsc, anchors, clock).verify(*lsc, kPhone, "").issuer.own);
  EXPECT_EQ(alert(lsc), X509_V_OK);
}

TEST_F(PeerVerifierTest, TakesMicsOfManufacturersAlone) {
  EXPECT_EQ(refused(leaf(maker), PeerPurpose::mic), "");
  for (const OpensslCa* other : {&capf, &company}) {
    EXPECT_THAT(refused(leaf(*other), PeerPurpose::mic),
                HasSubstr("is in CAPF-trust, but not as a manufacturer's CA"));
    EXPECT_EQ(alert(leaf(*other), {}, PeerPurpose::mic), X509_V_ERR_CERT_UNTRUSTED);
  }
  anchors->trust(company.der(), Purpose::mic);  // as an administrator said
  EXPECT_EQ(refused(leaf(company), PeerPurpose::mic), "");
}

TEST_F(PeerVerifierTest, ComparesTheNameExactly) {
  for (const char* name :
       {"SEP001122334455", "CP-8861-SEP001122334455", "CP-8861NR-SEP001122334455"})
    EXPECT_EQ(refused(leaf(capf, name)), "") << name;
  for (const char* name :
       {"sep001122334455", "CP-8861-sep001122334455", "XSEP001122334455", "SEP001122334455-X",
        "SEP0011223344550", "SEP001122334456", "evil-SEP001122334455", "*"})
    EXPECT_THAT(refused(leaf(capf, name)), StartsWith("the certificate is of another device: "))
        << name;
  EXPECT_EQ(refused(leaf(maker, "CP-8851-SEP001122334455"), PeerPurpose::mic),
            "the certificate is of another model than the phone's record says, Cisco 8861: "
            "CN=CP-8851-SEP001122334455;O=Example");
  EXPECT_EQ(refused(leaf(maker, "CP-8851-SEP001122334455"), PeerPurpose::mic, ""), "");
  EXPECT_EQ(refused(leaf(capf, "CP-8851-SEP001122334455")), "") << "the record has changed since";
  EXPECT_EQ(refused(leaf(capf, "SEP001122334456/CN=SEP001122334455")),
            "the certificate's subject has 2 common names, not one");
}

TEST_F(PeerVerifierTest, WantsAPhonesNameOfATlsClient) {
  EXPECT_EQ(alert(leaf(capf, "SEP001122334456")), X509_V_OK) << "any phone's";
  EXPECT_EQ(alert(leaf(capf, "gateway.example.com")), X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(alert(leaf(capf, "a/CN=SEP001122334455")), X509_V_ERR_HOSTNAME_MISMATCH);
}

TEST_F(PeerVerifierTest, LooksAtTheClockEachTime) {
  const X509Cert lsc = leaf(capf);
  clock.ahead = -std::chrono::hours(24);
  EXPECT_THAT(refused(lsc), HasSubstr(" is not valid before "));
  EXPECT_EQ(alert(lsc), X509_V_ERR_CERT_NOT_YET_VALID);
  clock.ahead = std::chrono::hours(24 * 366);
  EXPECT_THAT(refused(lsc), HasSubstr("CN=CP-8861-SEP001122334455;O=Example expired at"));
  EXPECT_EQ(alert(lsc), X509_V_ERR_CERT_HAS_EXPIRED);
  clock.ahead = std::chrono::hours(24 * 364);
  EXPECT_EQ(refused(lsc), "");
}

TEST_F(PeerVerifierTest, WantsACertificateThatMayProveAClient) {
  const std::string any = "basicConstraints=critical,CA:FALSE\n";
  EXPECT_EQ(refused(leaf(maker, "SEP001122334455", any)), "") << "which does not say";
  for (const char* usage :
       {"extendedKeyUsage=serverAuth\n", "keyUsage=critical,keyEncipherment\n"}) {
    const X509Cert wrong = leaf(capf, "SEP001122334455", any + usage);
    EXPECT_THAT(refused(wrong), HasSubstr("does not allow TLS clients")) << usage;
    EXPECT_EQ(alert(wrong), X509_V_ERR_INVALID_PURPOSE) << usage;
  }
  const X509Cert ca = leaf(capf, "SEP001122334455", OpensslCa::kAuthority);
  EXPECT_EQ(refused(ca), "the certificate is one of a CA, not of a phone");
  EXPECT_EQ(alert(ca), X509_V_ERR_INVALID_PURPOSE);
}

TEST_F(PeerVerifierTest, KnowsNobodyButItsAnchors) {
  const OpensslCa stranger(folder.path(), "stranger");
  EXPECT_EQ(refused(leaf(stranger)),
            "its issuer is CN=stranger;O=Other-House;C=DE, which is not in CAPF-trust; if that is "
            "right, import the issuer's certificate with 'set cert import trust CAPF', and with "
            "purpose mic where it is the phone's manufacturer");
  EXPECT_EQ(alert(leaf(stranger)), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
  const std::string self = test::openssl(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -days 9 "
      "-subj /CN=SEP001122334455 -addext basicConstraints=critical,CA:FALSE");
  EXPECT_EQ(alert(certificate_in(self)), X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
  anchors->trust(to_der(*certificate_in(self)), Purpose::capf);
  EXPECT_EQ(refused(certificate_in(self)), "the certificate is itself an entry of CAPF-trust");
  anchors = std::make_shared<Anchors>("CallManager-trust");
  EXPECT_EQ(refused(leaf(capf)),
            "its issuer is CN=CAPF-0a1b2c3d;O=Other-House;C=DE, which is not in CallManager-trust; "
            "if that is right, import the issuer's certificate with 'set cert import trust "
            "CallManager'");
}

TEST_F(PeerVerifierTest, GoesThroughTheCasThatAPeerSends) {
  const OpensslCa middle(folder.path(), "middle", &maker);
  const X509Cert mic = leaf(middle);
  const X509Cert sent = parse_certificate(middle.der());
  EXPECT_EQ(alert(mic), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
  EXPECT_EQ(alert(mic, {sent.get()}), X509_V_OK);
  EXPECT_EQ(alert(mic, {sent.get()}, PeerPurpose::mic), X509_V_OK) << "its maker vouches";
  const X509Cert own = parse_certificate(OpensslCa(folder.path(), "unknown").der());
  EXPECT_EQ(alert(leaf(OpensslCa(folder.path(), "below", &middle)), {own.get()}),
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
}

TEST_F(PeerVerifierTest, KeepsPathLengthsAndTrustsNoPhoneAsACa) {
  const OpensslCa narrow(folder.path(), "narrow", nullptr,
                         "basicConstraints=critical,CA:TRUE,pathlen:0\n"
                         "keyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n");
  anchors->trust(narrow.der(), Purpose::capf);
  EXPECT_EQ(alert(leaf(narrow)), X509_V_OK);
  const OpensslCa below(folder.path(), "below", &narrow);
  const X509Cert sent = parse_certificate(below.der());
  EXPECT_EQ(alert(leaf(below), {sent.get()}), X509_V_ERR_PATH_LENGTH_EXCEEDED);
  const OpensslCa phone(folder.path(), "SEP001122334455", &capf, OpensslCa::kLsc);
  const X509Cert as_ca = parse_certificate(phone.der());
  EXPECT_EQ(alert(leaf(phone), {as_ca.get()}), X509_V_ERR_INVALID_CA);
}

TEST_F(PeerVerifierTest, LooksNoFurtherThanEightCas) {
  std::vector<OpensslCa> cas{maker};
  std::vector<X509Cert> certificates;
  std::vector<X509*> sent;
  const auto go_down = [&] {
    cas.emplace_back(folder.path(), "ca" + std::to_string(cas.size()), &cas.back());
    certificates.push_back(parse_certificate(cas.back().der()));
    sent.push_back(certificates.back().get());
  };
  while (sent.size() < 8) go_down();
  EXPECT_EQ(alert(leaf(cas.back()), sent), X509_V_OK);
  go_down();
  EXPECT_NE(alert(leaf(cas.back()), sent), X509_V_OK);
}

}  // namespace
}  // namespace ringfence::core

// What a TLS server wants of its clients, with the openssl program as phones and as strangers.
#include "core/crypto/peer_policy.h"
#include "tests/unit/core/net/tls_house.h"

namespace ringfence::core {
namespace {

using test::OpensslCa;
using testing::HasSubstr;
using Certificate = PeerPolicy::Certificate;

constexpr const char* kPhone = "CP-8861-SEP001122334455";

/// TlsPeersTest runs with a TLS version and a kind of key: "-tls1_3 rsa".
class TlsPeersTest : public test::TlsHouse, public testing::WithParamInterface<const char*> {
 protected:
  TlsPeersTest() {
    std::istringstream words(GetParam());
    std::string kind;
    words >> version_ >> kind;
    const std::string how =
        kind == "rsa" ? "RSA -pkeyopt rsa_keygen_bits:2048" : "EC -pkeyopt ec_paramgen_curve:P-256";
    test::openssl("genpkey -algorithm " + how + " -out " + path("phone.key"));
    anchors->trust(capf.der(), Anchors::Purpose::capf);
  }

  /// want makes the policy that the next client meets.
  void want(Certificate certificate) {
    TlsServerSpec spec{.identities = {own}};
    spec.peers = {certificate, std::make_shared<PeerVerifier>(PeerPurpose::phone, anchors, clock)};
    serve_with(spec);
  }

  /// shown returns a client's words for a certificate by `ca`.
  std::string shown(const OpensslCa& ca, const std::string& name = kPhone,
                    const std::string& extensions = OpensslCa::kLsc,
                    const std::string& options = "-days 9") {
    const std::string key = test::openssl("pkey -pubout -in " + path("phone.key"));
    return shown(ca.certify(key, "/CN=" + name, extensions, options));
  }

  std::string shown(const std::string& pem) {
    core::write_atomically(path("phone.pem"), core::bytes_of(pem));
    return "-key " + path("phone.key") + " -cert " + path("phone.pem") + " ";
  }

  Shook come(const std::string& words = "") { return shake(version_ + " " + words); }

  /// expect_refused has `words` refused by that alert, and the server say why.
  void expect_refused(const std::string& words, const std::string& alert, const std::string& why) {
    for (const Certificate policy : {Certificate::ask, Certificate::demand}) {
      want(policy);
      const Shook shook = come(words);
      EXPECT_FALSE(shook.served) << why;
      EXPECT_THAT(shook.said, HasSubstr(alert)) << why;
      EXPECT_THAT(ended(), HasSubstr("the peer's certificate: "));
      EXPECT_THAT(ended(), HasSubstr(why));
    }
    want(Certificate::none);
    EXPECT_TRUE(come(words).served) << "nobody asks, nobody judges: " << why;
  }

  bool is_tls_1_3() const { return version_ == "-tls1_3"; }

  const SystemClock clock;
  OpensslCa capf{folder.path(), "CAPF-0a1b2c3d"};
  std::shared_ptr<Anchors> anchors = std::make_shared<Anchors>("CallManager-trust");
  TlsIdentity own = identity(Unit::call_manager_ecdsa);

 private:
  std::string version_;
};

TEST_P(TlsPeersTest, ServesByPolicyWhoShowsNothingOrWhatIsGood) {
  want(Certificate::none);
  EXPECT_THAT(come().said, HasSubstr("you are unknown"));
  EXPECT_THAT(come(shown(capf)).said, HasSubstr("you are unknown")) << "not asked for";
  want(Certificate::ask);
  EXPECT_THAT(come().said, HasSubstr("you are unknown"));
  EXPECT_THAT(come(shown(capf)).said, HasSubstr(std::string("you are CN=") + kPhone));
  want(Certificate::demand);
  EXPECT_THAT(come(shown(capf)).said, HasSubstr(std::string("you are CN=") + kPhone));
  const Shook nobody = come();
  EXPECT_FALSE(nobody.served);
  EXPECT_THAT(nobody.said,
              HasSubstr(is_tls_1_3() ? "alert certificate required" : "alert handshake failure"));
  EXPECT_THAT(ended(), HasSubstr("peer did not return a certificate"));
}

TEST_P(TlsPeersTest, RefusesWhatIsOutOfDate) {
  expect_refused(shown(capf, kPhone, OpensslCa::kLsc, "-days -1"), "alert certificate expired",
                 "CN=CP-8861-SEP001122334455 expired at");
  // x509 -req cannot date certificates ahead; the CA program can.
  test::openssl("req -new -key " + path("phone.key") + " -subj /CN=" + kPhone + " -out " +
                path("phone.csr"));
  core::write_atomically(
      path("ca.cnf"),
      core::bytes_of("[ca]\ndefault_ca=c\n[c]\ndatabase=" + path("index") +
                     "\nserial=" + path("serial") + "\nnew_certs_dir=" + folder.path().string() +
                     "\npolicy=p\n[p]\ncommonName=supplied\n"));
  core::write_atomically(path("index"), {});
  core::write_atomically(path("serial"), core::bytes_of("01"));
  core::write_atomically(path("lsc.ext"), core::bytes_of(OpensslCa::kLsc));
  const std::string future =
      test::openssl("ca -batch -notext -md sha256 -config " + path("ca.cnf") + " -cert " +
                    capf.certificate().string() + " -keyfile " + path("CAPF-0a1b2c3d.key") +
                    " -in " + path("phone.csr") + " -extfile " + path("lsc.ext") +
                    " -startdate 20990101000000Z -enddate 20990201000000Z");
  expect_refused(shown(future), "alert bad certificate",
                 "CN=CP-8861-SEP001122334455 is not valid before 2099-01-01T00:00:00Z");
}

TEST_P(TlsPeersTest, RefusesACertificateForSomethingElse) {
  expect_refused(shown(capf, kPhone, "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"),
                 "alert unsupported certificate", "does not allow TLS clients");
  expect_refused(shown(capf, kPhone, OpensslCa::kAuthority), "alert unsupported certificate",
                 "the certificate is one of a CA, not of a phone");
}

TEST_P(TlsPeersTest, RefusesWhomItsAnchorsDoNotKnow) {
  const OpensslCa stranger(folder.path(), "stranger");
  expect_refused(shown(stranger), "alert unknown ca",
                 "its issuer is CN=stranger;O=Other-House;C=DE, which is not in CallManager-trust");
  const std::string self =
      test::openssl("req -x509 -new -key " + path("phone.key") + " -days 9 -subj /CN=" + kPhone +
                    " -addext basicConstraints=critical,CA:FALSE");
  expect_refused(shown(self), "alert unknown ca", "which is not in CallManager-trust");
}

TEST_P(TlsPeersTest, RefusesNamesThatAreNoPhones) {
  for (const char* name : {"sep001122334455", "CP-8861-sep001122334455", "XSEP001122334455",
                           "SEP001122334455-X", "SEP0011223344", "gateway.example.com"})
    expect_refused(shown(capf, name), "alert bad certificate",
                   std::string("it is no phone's: CN=") + name);
}

TEST_P(TlsPeersTest, GoesThroughTheChainThatAClientSends) {
  const OpensslCa middle(folder.path(), "middle", &capf);
  const std::string words = shown(middle);
  expect_refused(words, "alert unknown ca", "its issuer is CN=middle");
  want(Certificate::demand);
  const Shook shook = come(words + "-cert_chain " + middle.certificate().string());
  EXPECT_THAT(shook.said, HasSubstr(std::string("you are CN=") + kPhone));

  const OpensslCa narrow(folder.path(), "narrow", &capf,
                         "basicConstraints=critical,CA:TRUE,pathlen:0\n"
                         "keyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n");
  const OpensslCa below(folder.path(), "below", &narrow);
  core::write_atomically(path("long.pem"), core::bytes_of(below.pem() + narrow.pem()));
  expect_refused(shown(below) + "-cert_chain " + path("long.pem"), "alert unknown ca",
                 "the path length of CN=narrow;O=Other-House;C=DE does not allow the CAs below it");
}

TEST_P(TlsPeersTest, BoundsWhatAClientMaySend) {
  std::string many;
  for (int i = 0; i < 8; ++i) many += capf.pem();
  core::write_atomically(path("many.pem"), core::bytes_of(many));
  expect_refused(shown(capf) + "-cert_chain " + path("many.pem"), "alert unknown ca",
                 "it came with too many certificates");
  for (int i = 0; i < 80; ++i) many += capf.pem();
  core::write_atomically(path("many.pem"), core::bytes_of(many));
  want(Certificate::demand);
  const Shook shook = come(shown(capf) + "-cert_chain " + path("many.pem"));
  EXPECT_FALSE(shook.served);
  EXPECT_THAT(ended(), HasSubstr("excessive message size"));
}

TEST_P(TlsPeersTest, HoldsEachClientAgainstTheAnchorsOfItsTime) {
  const OpensslCa company(folder.path(), "company");
  want(Certificate::demand);
  EXPECT_FALSE(come(shown(company)).served);
  anchors = std::make_shared<Anchors>("CallManager-trust");
  anchors->trust(company.der(), Anchors::Purpose::ca);
  want(Certificate::demand);
  EXPECT_TRUE(come(shown(company)).served);
  EXPECT_FALSE(come(shown(capf)).served) << "its CA is gone";
}

INSTANTIATE_TEST_SUITE_P(, TlsPeersTest,
                         testing::Values("-tls1_2 rsa", "-tls1_2 ec", "-tls1_3 rsa", "-tls1_3 ec"),
                         [](const auto& test) {
                           std::string name(test.param + 1);
                           std::ranges::replace(name, ' ', '_');
                           return name;
                         });

}  // namespace
}  // namespace ringfence::core

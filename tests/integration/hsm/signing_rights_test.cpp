// What each role can have signed, tried with the product's own code and with what an intruder in
// one daemon would try.
#include <gtest/gtest.h>
#include <openssl/err.h>

#include "core/base/error.h"
#include "core/certificates/issue.h"
#include "core/certificates/lsc_maker.h"
#include "core/certificates/request.h"
#include "core/crypto/token.h"
#include "core/crypto/x509.h"
#include "core/trust/signed_file.h"
#include "core/trust/trust_list.h"
#include "tests/integration/hsm/support.h"
#include "tests/support/eventually.h"

namespace ringfence::hsm::test {
namespace {

using core::Unit;

const core::Time kNow = core::from_seconds(1'795'000'000);

core::LscRequest lsc_request() {
  const std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  core::LscRequest request;
  request.device_name = "SEP001122334455";
  request.model = "CP-8861";
  request.spki.assign(der, der + size);
  OPENSSL_free(der);
  return request;
}

/// One signer with the house's keys serves all these tests: they only sign.
class SigningRights : public testing::Test {
 protected:
  struct House {
    TemporaryFolder folder;
    SignerProcess signer{folder.path()};
    core::Token admin{signer.socket("admin")};
    core::KeyRef capf = admin.generate("CAPF", {core::KeyAlgorithm::rsa, 2048});
    core::KeyRef call_manager = admin.generate("CallManager", {core::KeyAlgorithm::rsa, 2048});
    core::KeyRef tvs = admin.generate("TVS", {core::KeyAlgorithm::rsa, 2048});
    core::Node node{"house", {"Voice", "Example", "", "", "DE"}};
    core::X509Cert capf_certificate =
        core::issue_self_signed(Unit::capf, node, *admin.key(capf), admin.context(), kNow);
    core::X509Cert call_manager_certificate = core::issue_self_signed(
        Unit::call_manager, node, *admin.key(call_manager), admin.context(), kNow);
  };

  static void SetUpTestSuite() { house_ = new House; }

  static void TearDownTestSuite() {
    delete house_;
    house_ = nullptr;
  }

  static House& house() { return *house_; }

  /// As is a role and the key it works with.
  struct As {
    explicit As(const std::string& role, const core::KeyRef& ref)
        : token(house().signer.socket(role)), key(token.key(ref)) {}

    core::FileSigner file_signer() const {
      return {house().call_manager_certificate.get(), key.get(), token.context()};
    }

    core::Token token;
    core::EvpPkey key;
  };

  /// refused says whether `work` failed, and empties OpenSSL's queue.
  template <typename Work>
  static bool refused(const Work& work) {
    try {
      work();
    } catch (const core::Error&) {
      ERR_clear_error();
      return true;
    }
    return false;
  }

  static bool may_issue(const As& as, Unit unit) {
    return !refused(
        [&] { core::issue_self_signed(unit, house().node, *as.key, as.token.context(), kNow); });
  }

  static bool may_issue_lsc(const As& as) {
    return !refused([&] {
      core::LscMaker(*house().capf_certificate, *as.key, as.token.context())
          .make(lsc_request(), kNow);
    });
  }

  static bool may_sign_file(const As& as) {
    return !refused([&] {
      core::sign_file("SEP001122334455.cnf.xml", core::bytes_of("<device/>"), as.file_signer(),
                      core::Digest::sha1, kNow);
    });
  }

  static bool may_sign_list(const As& as, core::ListKind kind) {
    return !refused([&] {
      core::RecordRequest record;
      record.certificate = house().call_manager_certificate.get();
      core::build_trust_list(kind, {record}, as.file_signer(), core::Digest::sha512, kNow);
    });
  }

  /// may_sign_digest asks for a signature of something that the signer cannot see.
  static bool may_sign_digest(const std::string& role, const core::KeyRef& ref) {
    SignerClient client(house().signer.socket(role));
    SignRequest request;
    request.key = {ref.label, ref.version};
    request.input = Bytes(32, 1);
    return !kind_thrown([&] { client.sign(request); });
  }

 private:
  static House* house_;
};

SigningRights::House* SigningRights::house_ = nullptr;

TEST_F(SigningRights, OfAdminAreAll) {
  const As admin("admin", house().call_manager);
  EXPECT_TRUE(may_issue(admin, Unit::call_manager));
  EXPECT_TRUE(may_issue_lsc(As("admin", house().capf)));
  EXPECT_TRUE(may_sign_file(admin));
  EXPECT_TRUE(may_sign_list(admin, core::ListKind::itl));
  EXPECT_TRUE(may_sign_digest("admin", house().capf));
}

TEST_F(SigningRights, OfCapfEndAtEndEntities) {
  const As capf("capf", house().capf);
  EXPECT_TRUE(may_issue_lsc(capf));
  EXPECT_FALSE(refused([&] {
    core::make_phone_request(lsc_request(), *house().capf_certificate, *capf.key,
                             capf.token.context());
  }));
  EXPECT_FALSE(may_issue(capf, Unit::capf)) << "a CA certificate";
  EXPECT_FALSE(may_issue(capf, Unit::tvs)) << "a self-signed certificate";
  EXPECT_FALSE(may_sign_file(capf));
  EXPECT_FALSE(may_sign_list(capf, core::ListKind::itl));
  EXPECT_FALSE(may_sign_digest("capf", house().capf));
}

TEST_F(SigningRights, OfTftpAreConfigurationFiles) {
  const As tftp("tftp", house().call_manager);
  EXPECT_TRUE(may_sign_file(tftp));
  for (const Unit unit : {Unit::capf, Unit::call_manager}) EXPECT_FALSE(may_issue(tftp, unit));
  EXPECT_FALSE(may_issue_lsc(tftp));
  EXPECT_FALSE(may_sign_list(tftp, core::ListKind::itl));
  EXPECT_FALSE(may_sign_list(tftp, core::ListKind::ctl));
  EXPECT_FALSE(may_sign_digest("tftp", house().call_manager));
}

/// A list is a list also under a file's name and version.
TEST_F(SigningRights, OfTftpAreNoListsInDisguise) {
  const As tftp("tftp", house().call_manager);
  core::RecordRequest record;
  record.certificate = house().call_manager_certificate.get();
  const Bytes records = core::encode_record(core::record_of(record));
  EXPECT_TRUE(refused([&] {
    core::sign_file("SEP001122334455.cnf.xml", records, tftp.file_signer(), core::Digest::sha1,
                    kNow);
  }));
  EXPECT_TRUE(refused([&] {
    core::sign_file("ITLSEP001122334455.tlv", core::bytes_of("<device/>"), tftp.file_signer(),
                    core::Digest::sha1, kNow);
  }));
}

TEST_F(SigningRights, OfTheOthersAreHandshakes) {
  for (const auto& [role, ref] :
       {std::pair("callmanager", house().call_manager), std::pair("tvs", house().tvs)}) {
    const As as(role, ref);
    EXPECT_FALSE(may_issue(as, Unit::tvs)) << role;
    EXPECT_FALSE(may_issue_lsc(as)) << role;
    EXPECT_FALSE(may_sign_file(as)) << role;
    EXPECT_FALSE(may_sign_list(as, core::ListKind::itl)) << role;
    EXPECT_FALSE(may_sign_digest(role, ref)) << role;
  }
}

/// handshake lets a server with `key` and an anonymous client talk in memory, and says whether it
/// ended well.
bool handshake(const core::Token& token, EVP_PKEY& key, const X509& certificate, int version,
               const char* ciphers) {
  const std::unique_ptr<SSL_CTX, Freer<SSL_CTX, SSL_CTX_free>> server(
      SSL_CTX_new_ex(token.context(), nullptr, TLS_server_method()));
  const std::unique_ptr<SSL_CTX, Freer<SSL_CTX, SSL_CTX_free>> client(
      SSL_CTX_new(TLS_client_method()));
  X509* copy = const_cast<X509*>(&certificate);
  for (SSL_CTX* context : {server.get(), client.get()}) {
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    SSL_CTX_set_security_level(context, 0);
    if (ciphers != nullptr) SSL_CTX_set_cipher_list(context, ciphers);
  }
  SSL_CTX_set_dh_auto(server.get(), 1);
  if (SSL_CTX_use_certificate(server.get(), copy) != 1 ||
      SSL_CTX_use_PrivateKey(server.get(), &key) != 1)
    return false;
  const std::unique_ptr<SSL, Freer<SSL, SSL_free>> left(SSL_new(server.get()));
  const std::unique_ptr<SSL, Freer<SSL, SSL_free>> right(SSL_new(client.get()));
  BIO* near = nullptr;
  BIO* far = nullptr;
  if (BIO_new_bio_pair(&near, 65536, &far, 65536) != 1) return false;
  SSL_set_bio(left.get(), near, near);
  SSL_set_bio(right.get(), far, far);
  SSL_set_accept_state(left.get());
  SSL_set_connect_state(right.get());
  for (int step = 0; step < 10; ++step) {
    const int here = SSL_do_handshake(left.get());
    const int there = SSL_do_handshake(right.get());
    if (here == 1 && there == 1) return true;
  }
  ERR_clear_error();
  return false;
}

TEST_F(SigningRights, OfAllHaveTheHandshakesOfEveryVersion) {
  for (const auto& [role, ref] :
       {std::pair("capf", house().capf), std::pair("tftp", house().call_manager),
        std::pair("callmanager", house().call_manager)}) {
    const As as(role, ref);
    const X509& certificate =
        ref.label == "CAPF" ? *house().capf_certificate : *house().call_manager_certificate;
    const auto works = [&](int version, const char* ciphers) {
      return handshake(as.token, *as.key, certificate, version, ciphers);
    };
    EXPECT_TRUE(works(TLS1_3_VERSION, nullptr)) << role;
    for (const char* ciphers : {"ECDHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES256-GCM-SHA384"})
      EXPECT_TRUE(works(TLS1_2_VERSION, ciphers)) << role << ' ' << ciphers;
    for (const char* ciphers : {"ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-SHA"})
      EXPECT_TRUE(works(TLS1_VERSION, ciphers)) << role << ' ' << ciphers;
  }
}

TEST_F(SigningRights, LeaveATotalAndALineOfWhatIsNoHandshake) {
  const auto count_of = [&](const std::string& role, const std::string& form) -> std::uint64_t {
    for (const auto& one : house().admin.status().signatures)
      if (one.role == role && one.form == form) return one.count;
    return 0;
  };
  const std::uint64_t before = count_of("capf", "certificate");
  const As capf("capf", house().capf);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(may_issue_lsc(capf));
  EXPECT_EQ(count_of("capf", "certificate"), before + 3);
  EXPECT_FALSE(may_issue(capf, Unit::capf));
  EXPECT_EQ(count_of("capf", "ca_certificate"), 0U);
  EXPECT_GT(count_of("admin", "ca_certificate"), 0U);
  const auto log = [&] { return read_text(house().folder / "signer.log"); };
  EXPECT_TRUE(ringfence::test::eventually([&] {
    return log().find("SIGNER_SIGNED role=capf form=certificate key=CAPF/1 count=") !=
           std::string::npos;
  }));
  EXPECT_NE(log().find("request=\"sign a certificate authority's certificate with CAPF/1\""),
            std::string::npos);
}

}  // namespace
}  // namespace ringfence::hsm::test

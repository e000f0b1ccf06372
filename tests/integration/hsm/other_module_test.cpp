// The signer on a module of another kind: NSS softokn, whose token certutil makes.
#include <glob.h>

#include <set>

#include <gmock/gmock.h>

#include "tests/integration/hsm/support.h"

namespace ringfence::hsm::test {
namespace {

using testing::HasSubstr;

constexpr KeySpec kP256{KeyAlgorithm::ec, 256};
constexpr KeySpec kRsa2048{KeyAlgorithm::rsa, 2048};

/// softokn returns the path of NSS's module, "" where it is not installed.
std::string softokn() {
  for (const char* pattern :
       {"/usr/lib/*-linux-gnu/libsoftokn3.so", "/usr/lib/*-linux-gnu/nss/libsoftokn3.so",
        "/usr/lib64/libsoftokn3.so", "/usr/lib/libsoftokn3.so"}) {
    glob_t found{};
    const bool some = ::glob(pattern, 0, nullptr, &found) == 0 && found.gl_pathc > 0;
    const std::string path = some ? found.gl_pathv[0] : "";
    ::globfree(&found);
    if (some) return path;
  }
  return "";
}

class OtherModuleTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string module = softokn();
    if (module.empty()) GTEST_SKIP() << "libsoftokn3.so is not installed (Debian: libnss3)";
    write_text(folder_ / "pin", "correct horse\n");
    std::filesystem::permissions(folder_ / "pin", std::filesystem::perms(0600));
    std::filesystem::create_directory(folder_ / "nss");
    const CommandResult made = shell("certutil -N -d sql:" + (folder_ / "nss").string() + " -f " +
                                     (folder_ / "pin").string());
    if (made.status != 0)
      GTEST_SKIP() << "certutil (Debian: libnss3-tools) made no token: " << made.output;
    configure("pkcs11:token=NSS%20Certificate%20DB;manufacturer=Mozilla%20Foundation", module);
  }

  void configure(const std::string& token, const std::string& module = softokn()) {
    write_text(folder_ / "ringfence.toml",
               "[hsm]\nworkers = 2\nmodule = \"" + module +
                   "\"\nmodule_arguments = \"configdir='sql:" + (folder_ / "nss").string() +
                   "' certPrefix='' keyPrefix='' secmod='' flags=\"\ntoken = \"" + token +
                   "\"\npin_source = \"file:" + (folder_ / "pin").string() + "\"\n");
  }

  /// openssl_accepts checks a signature with the openssl program.
  bool openssl_accepts(const Bytes& spki, const SignRequest& request, const Bytes& signature,
                       const std::string& options) {
    const auto write = [this](const char* name, const Bytes& bytes) {
      write_text(folder_ / name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
      return (folder_ / name).string();
    };
    const CommandResult result =
        shell("openssl pkeyutl -verify -pubin -keyform DER -inkey " + write("spki", spki) +
              " -in " + write("digest", request.input) + " -sigfile " +
              write("signature", signature) + " " + options);
    if (result.status != 0) std::printf("%s\n", result.output.c_str());
    return result.status == 0;
  }

  static SignRequest request_for(const KeyRef& key, Scheme scheme) {
    return {key, scheme, Hash::sha256, Hash::sha256, 32, Bytes(32, 0x5a), {}};
  }

  TemporaryFolder folder_;
};

TEST_F(OtherModuleTest, SignsWhatOpensslAccepts) {
  const SignerProcess signer(folder_.path());
  SignerClient admin(signer.socket("admin"));
  const KeyRef rsa = admin.generate("CAPF", kRsa2048);
  const KeyRef ec = admin.generate("TVS", kP256);
  const Bytes rsa_spki = admin.public_key(rsa);
  const Bytes ec_spki = admin.public_key(ec);
  for (int i = 0; i < 8; ++i) {  // of both workers
    const SignRequest pkcs1 = request_for(rsa, Scheme::rsa_pkcs1);
    EXPECT_TRUE(openssl_accepts(rsa_spki, pkcs1, admin.sign(pkcs1), "-pkeyopt digest:sha256"));
    const SignRequest ecdsa = request_for(ec, Scheme::ecdsa);
    EXPECT_TRUE(openssl_accepts(ec_spki, ecdsa, admin.sign(ecdsa), ""));
  }
  const SignRequest pss = request_for(rsa, Scheme::rsa_pss);
  EXPECT_TRUE(openssl_accepts(rsa_spki, pss, admin.sign(pss),
                              "-pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:pss "
                              "-pkeyopt rsa_pss_saltlen:32"));
  const SignRequest bare = request_for(rsa, Scheme::rsa_type1);
  EXPECT_TRUE(openssl_accepts(rsa_spki, bare, admin.sign(bare), ""));
  SignRequest other = request_for(ec, Scheme::ecdsa);
  const Bytes signature = admin.sign(other);
  other.input[0] = 0;
  EXPECT_FALSE(openssl_accepts(ec_spki, other, signature, ""));
}

TEST_F(OtherModuleTest, TellsTheFactsOfTheModuleAndItsKeys) {
  const SignerProcess signer(folder_.path());
  SignerClient admin(signer.socket("admin"));
  const KeyRef key = admin.generate("CAPF", kP256);
  admin.sign(request_for(key, Scheme::ecdsa));
  const Status status = admin.status();
  EXPECT_THAT(status.token.library, HasSubstr("NSS Internal Crypto Services"));
  EXPECT_EQ(status.token.label, "NSS Certificate DB");
  EXPECT_EQ(status.token.manufacturer, "Mozilla Foundation");
  EXPECT_EQ(status.token.slots.size(), 2U);
  ASSERT_EQ(status.keys.size(), 1U);
  EXPECT_EQ(status.keys[0].key.ref, key);
  EXPECT_EQ(status.keys[0].since.size(), 10U);
  EXPECT_GE(status.keys[0].copies, 1U);
  EXPECT_EQ(status.workers.size(), 2U);
}

TEST_F(OtherModuleTest, KeepsKeysApartAndNeverUsesAVersionTwice) {
  std::set<KeyRef> used;
  KeyRef kept;
  Bytes spki;
  {
    const SignerProcess signer(folder_.path());
    SignerClient admin(signer.socket("admin"));
    const KeyRef first = admin.generate("CAPF", kP256);
    kept = admin.generate("TVS", kP256);
    spki = admin.public_key(kept);
    used = {first, kept};
    admin.destroy(first);
    const KeyRef second = admin.generate("CAPF", kP256);
    EXPECT_GT(second.version, first.version);
    EXPECT_TRUE(used.insert(second).second);
    admin.sign(request_for(second, Scheme::ecdsa));
    admin.destroy(second);
    EXPECT_EQ(kind_thrown([&] { admin.sign(request_for(second, Scheme::ecdsa)); }),
              Kind::not_found);
    EXPECT_EQ(admin.list().size(), 1U);
  }
  const SignerProcess signer(folder_.path());
  SignerClient admin(signer.socket("admin"));
  ASSERT_EQ(admin.list().size(), 1U);
  EXPECT_EQ(admin.public_key(kept), spki);
  const SignRequest request = request_for(kept, Scheme::ecdsa);
  EXPECT_TRUE(openssl_accepts(spki, request, admin.sign(request), ""));
  for (const char* label : {"CAPF", "TVS", "ITLRecovery"}) {
    const KeyRef next = admin.generate(label, kP256);
    EXPECT_TRUE(used.insert(next).second) << to_text(next);
    for (const KeyRef& earlier : used)
      EXPECT_TRUE(earlier.label != next.label || earlier.version <= next.version);
  }
  EXPECT_EQ(admin.public_key(kept), spki);
  EXPECT_EQ(admin.list().size(), 4U);
}

TEST_F(OtherModuleTest, StopsAtAWrongPasswordAndMakesNoToken) {
  write_text(folder_ / "pin", "battery staple\n");
  const ProcessResult refused = SignerProcess::run_to_end(folder_.path());
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.stderr_text, HasSubstr("CKR_PIN_INCORRECT"));
  configure("ringfence");
  const ProcessResult missing = SignerProcess::run_to_end(folder_.path());
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.stderr_text,
              HasSubstr("shows no token \"ringfence\": set hsm.token in ringfence.toml, or "
                        "initialise the token with its vendor's tool"));
}

}  // namespace
}  // namespace ringfence::hsm::test

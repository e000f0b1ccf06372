// What core makes of the signer's answers.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/crypto/token.h"
#include "tests/integration/hsm/signer_peer.h"

namespace ringfence::hsm::test {
namespace {

TEST(CoreTokenTest, MapsTheSignersKindsToCodes) {
  const TemporaryFolder folder;
  const auto code_thrown = [](auto work) {
    try {
      work();
    } catch (const core::Error& error) {
      return std::optional(error.code());
    }
    return std::optional<core::Code>();
  };
  core::Token early(folder.path() / "run/signer/admin.sock");
  EXPECT_EQ(code_thrown([&] { early.keys(); }), core::Code::hsm_unavailable);
  const SignerProcess signer(folder.path());
  const core::KeyRef key = early.generate("CAPF", {core::KeyAlgorithm::ec, 256});
  EXPECT_EQ(early.keys(), std::vector<core::KeyRef>{key});
  EXPECT_EQ(code_thrown([&] { early.key({"CAPF", 7}); }), core::Code::not_found);
  EXPECT_EQ(code_thrown([&] {
              early.generate("CAPF", {core::KeyAlgorithm::rsa, 512});
            }),
            core::Code::malformed);
  core::Token tvs(signer.socket("tvs"));
  EXPECT_EQ(code_thrown([&] { tvs.key(key); }), core::Code::refused);
  {
    const core::EvpPkey handle = early.key(key);
    EXPECT_EQ(EVP_PKEY_get_bits(handle.get()), 256);
  }
  early.destroy(key);
  EXPECT_TRUE(early.keys().empty());
}

TEST(CoreTokenTest, TellsThroughOpensslWhyASignatureFailed) {
  const TemporaryFolder folder;
  auto signer = std::make_unique<SignerProcess>(folder.path());
  core::Token token(signer->socket("admin"));
  const core::EvpPkey key = token.key(token.generate("CAPF", {core::KeyAlgorithm::ec, 256}));
  signer.reset();
  const MdCtx context(EVP_MD_CTX_new());
  ASSERT_EQ(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", token.context(), nullptr,
                                  key.get(), nullptr),
            1);
  Bytes signature(128);
  std::size_t size = signature.size();
  try {
    core::ensure(EVP_DigestSign(context.get(), signature.data(), &size, signature.data(), 1) == 1,
                 "EVP_DigestSign");
    FAIL() << "signed without a signer";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::Code::hsm_unavailable) << error.what();
  }
}

}  // namespace
}  // namespace ringfence::hsm::test

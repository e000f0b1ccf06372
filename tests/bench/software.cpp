#include "tests/bench/software.h"

#include <map>
#include <memory>
#include <mutex>

#include <openssl/rsa.h>

#include "core/crypto/handles.h"

namespace ringfence::bench {
namespace {

EVP_PKEY* generate(const hsm::KeySpec& spec) {
  if (spec.algorithm == hsm::KeyAlgorithm::rsa)
    return core::ensure(EVP_RSA_gen(spec.bits), "EVP_RSA_gen");
  return core::ensure(EVP_EC_gen(spec.bits == 256 ? "P-256" : "P-384"), "EVP_EC_gen");
}

/// made_once keeps the keys of this process: making one of RSA-4096 takes seconds.
EVP_PKEY* made_once(const MeasuredKey& key) {
  static std::mutex mutex;
  static std::map<const MeasuredKey*, core::EvpPkey> keys;
  const std::lock_guard lock(mutex);
  core::EvpPkey& made = keys[&key];
  if (!made) made.reset(generate(key.spec));
  return made.get();
}

const EVP_MD* md_of(hsm::Hash hash) {
  return hash == hsm::Hash::sha384 ? EVP_sha384() : EVP_sha256();
}

/// Signer is one thread's key and context, made once as `openssl speed` does.
class Signer {
 public:
  explicit Signer(const MeasuredKey& key)
      : key_(core::ensure(EVP_PKEY_dup(made_once(key)), "EVP_PKEY_dup")),
        context_(core::ensure(EVP_PKEY_CTX_new(key_.get(), nullptr), "EVP_PKEY_CTX_new")),
        digest_(digest_for(key)) {
    core::ensure(EVP_PKEY_sign_init(context_.get()) > 0, "EVP_PKEY_sign_init");
    if (key.spec.algorithm == hsm::KeyAlgorithm::rsa)
      core::ensure(EVP_PKEY_CTX_set_rsa_padding(context_.get(), RSA_PKCS1_PADDING) > 0,
                   "EVP_PKEY_CTX_set_rsa_padding");
    core::ensure(EVP_PKEY_CTX_set_signature_md(context_.get(), md_of(key.hash)) > 0,
                 "EVP_PKEY_CTX_set_signature_md");
  }

  void sign() {
    std::uint8_t signature[1024];
    std::size_t length = sizeof signature;
    core::ensure(
        EVP_PKEY_sign(context_.get(), signature, &length, digest_.data(), digest_.size()) > 0,
        "EVP_PKEY_sign");
  }

 private:
  core::EvpPkey key_;
  core::EvpPkeyCtx context_;
  hsm::Bytes digest_;
};

}  // namespace

MakeWork sign_in_software(const MeasuredKey& key) {
  return [&key]() -> Work { return [signer = std::make_shared<Signer>(key)] { signer->sign(); }; };
}

}  // namespace ringfence::bench

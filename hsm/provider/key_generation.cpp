#include "hsm/provider/key_generation.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

namespace ringfence::hsm::provider {
namespace {

/// Generation is the making of a key outside of the token.
struct Generation {
  Context& context;
  KeyAlgorithm algorithm;
  int selection;
  PkeyCtx maker;
};

bool begin(Generation& generation) {
  EVP_PKEY_CTX* maker = generation.maker.get();
  if (maker == nullptr) return false;
  return (generation.selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0
             ? EVP_PKEY_keygen_init(maker) == 1
             : EVP_PKEY_paramgen_init(maker) == 1;
}

}  // namespace

PkeyCtx by_name(const Context& context, KeyAlgorithm algorithm) {
  return {
      EVP_PKEY_CTX_new_from_name(context.library.get(), type_name(algorithm), "provider=default"),
      EVP_PKEY_CTX_free};
}

PkeyCtx by_key(const Key& key) {
  return {
      EVP_PKEY_CTX_new_from_pkey(key.context->library.get(), key.inner.get(), "provider=default"),
      EVP_PKEY_CTX_free};
}

template <KeyAlgorithm Algorithm>
void* generation_begin(void* data, int selection, const OSSL_PARAM params[]) {
  Context& context = *static_cast<Context*>(data);
  Generation* made = nullptr;
  guarded(context.core, [&] {
    std::unique_ptr<Generation> generation(
        new Generation{context, Algorithm, selection, by_name(context, Algorithm)});
    if (!begin(*generation) ||
        (params != nullptr && EVP_PKEY_CTX_set_params(generation->maker.get(), params) != 1))
      return false;
    made = generation.release();
    return true;
  });
  return made;
}

int generation_from(void* data, void* pattern) {
  Generation& generation = *static_cast<Generation*>(data);
  const Key& key = *static_cast<const Key*>(pattern);
  return guarded(generation.context.core, [&] {
    generation.maker = by_key(key);
    return begin(generation);
  });
}

int generation_set(void* data, const OSSL_PARAM params[]) {
  return EVP_PKEY_CTX_set_params(static_cast<Generation*>(data)->maker.get(), params);
}

template <KeyAlgorithm Algorithm>
const OSSL_PARAM* generation_settable(void*, void*) {
  static const OSSL_PARAM rsa[] = {OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_BITS, nullptr),
                                   OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_PRIMES, nullptr),
                                   OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0),
                                   OSSL_PARAM_END};
  static const OSSL_PARAM ec[] = {
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, nullptr, 0),
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, nullptr, 0),
      OSSL_PARAM_END};
  return Algorithm == KeyAlgorithm::rsa ? rsa : ec;
}

void* generate(void* data, OSSL_CALLBACK*, void*) {
  Generation& generation = *static_cast<Generation*>(data);
  Key* made = nullptr;
  guarded(generation.context.core, [&] {
    EVP_PKEY* inner = nullptr;
    if (EVP_PKEY_generate(generation.maker.get(), &inner) != 1) return false;
    auto key = std::make_unique<Key>();
    key->context = &generation.context;
    key->algorithm = generation.algorithm;
    key->set_inner(KeyHandle(inner));
    made = key.release();
    return true;
  });
  return made;
}

void generation_end(void* data) {
  delete static_cast<Generation*>(data);
}

template void* generation_begin<KeyAlgorithm::rsa>(void*, int, const OSSL_PARAM[]);
template void* generation_begin<KeyAlgorithm::ec>(void*, int, const OSSL_PARAM[]);
template const OSSL_PARAM* generation_settable<KeyAlgorithm::rsa>(void*, void*);
template const OSSL_PARAM* generation_settable<KeyAlgorithm::ec>(void*, void*);

}  // namespace ringfence::hsm::provider

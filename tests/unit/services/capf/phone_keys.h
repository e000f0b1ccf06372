// Keys as a phone would make them.
#pragma once

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "core/base/bytes.h"
#include "core/crypto/handles.h"

namespace ringfence::test {

/// spki returns a key's SubjectPublicKeyInfo DER.
inline core::Bytes spki(const EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  core::ensure(size > 0, "i2d_PUBKEY");
  const core::Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

inline core::EvpPkey rsa_key(unsigned bits) {
  return core::EvpPkey(core::ensure(EVP_RSA_gen(bits), "EVP_RSA_gen"));
}

/// rsa_spki_of_factor is a key whose modulus has exactly `bits` bits and a small prime factor.
inline core::Bytes rsa_spki_of_factor(int bits, BN_ULONG factor) {
  const core::Handle<BIGNUM, BN_free> modulus(BN_new());
  const core::Handle<BIGNUM, BN_free> exponent(BN_new());
  BN_set_word(exponent.get(), 65537);
  do {
    BN_rand(modulus.get(), bits, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD);
    BN_sub_word(modulus.get(), BN_mod_word(modulus.get(), factor));
  } while (BN_is_odd(modulus.get()) == 0 || BN_mod_word(modulus.get(), 3) == 0 ||
           BN_mod_word(modulus.get(), 5) == 0 || BN_mod_word(modulus.get(), 7) == 0);
  for (BN_ULONG p = 11; p < factor; p += 2) {
    if (BN_mod_word(modulus.get(), p) != 0) continue;
    return rsa_spki_of_factor(bits, factor);  // a smaller factor would be named instead
  }
  const core::EvpPkeyCtx context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  const core::Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  const core::Handle<OSSL_PARAM, OSSL_PARAM_free> parameters(
      OSSL_PARAM_BLD_to_param(builder.get()));
  EVP_PKEY* key = nullptr;
  core::ensure(
      EVP_PKEY_fromdata_init(context.get()) == 1 &&
          EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1,
      "EVP_PKEY_fromdata");
  return spki(core::EvpPkey(key).get());
}

/// ec_key takes a curve's OpenSSL name, "P-384".
inline core::EvpPkey ec_key(const char* curve) {
  return core::EvpPkey(core::ensure(EVP_EC_gen(curve), "EVP_EC_gen"));
}

}  // namespace ringfence::test

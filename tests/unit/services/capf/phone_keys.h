// Keys as a phone would make them.
#pragma once

#include <openssl/evp.h>
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

/// ec_key takes a curve's OpenSSL name, "P-384".
inline core::EvpPkey ec_key(const char* curve) {
  return core::EvpPkey(core::ensure(EVP_EC_gen(curve), "EVP_EC_gen"));
}

}  // namespace ringfence::test

// Certificates and proofs as phones, manufacturers and thieves would make them, by OpenSSL alone.
#pragma once

#include <cstdint>
#include <string>

#include <openssl/evp.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/crypto/handles.h"

namespace ringfence::test {

/// Pair is a certificate and its private key.
struct Pair {
  core::EvpPkey key;
  core::X509Cert certificate;

  core::Bytes der() const;
};

/// Wanted is what a certificate shall say.
struct Wanted {
  std::string common_name;
  core::Time not_before;
  core::Time not_after;
  bool authority = false;
  std::string second_common_name;  ///< empty: none
};

/// make_pair signs a certificate for `key` as `issuer`, or with the key itself when null.
Pair make_pair(core::EvpPkey key, const Wanted& wanted, const Pair* issuer);

/// bare_signature is what a phone makes: for RSA PKCS#1 block type 1 around the bare digest, for EC
/// an ECDSA signature. `digest` is "SHA1" or "SHA512".
core::Bytes bare_signature(EVP_PKEY* key, const char* digest, const core::Bytes& data);

/// raw_rsa applies the private key to a block of the modulus' size.
core::Bytes raw_rsa(EVP_PKEY* key, const core::Bytes& block);

/// digest_info_signature is an ordinary PKCS#1 v1.5 signature, with DigestInfo.
core::Bytes digest_info_signature(EVP_PKEY* key, const char* digest, const core::Bytes& data);

core::Bytes hash(const char* digest, const core::Bytes& data);

/// What the signatures of elements 6 and 20, and those of element 16, are over.
core::Bytes name_and_certificate(const std::string& device, const core::Bytes& der);
core::Bytes session_and_certificate(std::uint32_t session, const core::Bytes& der);

}  // namespace ringfence::test

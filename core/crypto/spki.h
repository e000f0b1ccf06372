// Reading RSA public keys without OpenSSL's decoders, which take as long as half a signature.
#pragma once

#include <optional>

#include "core/base/bytes.h"

namespace ringfence::core {

/// RsaKey is what a SubjectPublicKeyInfo of an RSA key says; views into its bytes.
struct RsaKey {
  BytesView modulus;   ///< big-endian, without a sign byte
  BytesView exponent;  ///< the same
  BytesView pkcs1;     ///< RSAPublicKey DER: what a key identifier is the digest of
  int bits = 0;        ///< of the modulus
};

/// read_rsa_spki reads the one DER encoding of an RSA SubjectPublicKeyInfo (RFC 3279 section 2.3.1)
/// to its last byte, modulus and exponent odd; nothing for every other form, which may still be a
/// key: then ask OpenSSL.
std::optional<RsaKey> read_rsa_spki(BytesView spki) noexcept;

}  // namespace ringfence::core

// The key a phone sent: whether it is of the order and size that were asked.
#pragma once

#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "services/capf/protocol.h"

namespace ringfence::services::capf {

/// PublicKey is what a SubjectPublicKeyInfo says about itself.
struct PublicKey {
  KeyType type = KeyType::rsa;
  int bits = 0;  ///< of the modulus, or of the curve: 256, 384, 521
  /// The same for the same private key, however it is written down: SHA-256, hex, of the RSA
  /// modulus, or of the curve and the point. IssuedCertificate::key_hash.
  std::string hash;

  bool operator==(const PublicKey&) const = default;
};

/// read_public_key parses one SubjectPublicKeyInfo DER.
///
/// Throws Error{malformed}: not DER, bytes behind it, neither RSA nor EC on P-256, P-384 or P-521,
/// a point off its curve or at infinity, an even or tiny RSA modulus or exponent.
PublicKey read_public_key(core::BytesView spki);

/// flaw_of returns why a key that read_public_key takes must not be certified, as core::rsa_flaw
/// says it; nothing for EC keys. Takes a tenth of a millisecond and more.
std::optional<std::string> flaw_of(core::BytesView spki);

/// describe returns "RSA 2048" or "EC P-384".
std::string describe(const PublicKey& key);

}  // namespace ringfence::services::capf

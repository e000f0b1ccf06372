// The key a phone sent: whether it is of the order and size that were asked.
#pragma once

#include <string>

#include "core/base/bytes.h"
#include "services/capf/protocol.h"

namespace ringfence::services::capf {

/// PublicKey is what a SubjectPublicKeyInfo says about itself.
struct PublicKey {
  KeyType type = KeyType::rsa;
  int bits = 0;  ///< of the modulus, or of the curve: 256, 384, 521

  bool operator==(const PublicKey&) const = default;
};

/// read_public_key parses one SubjectPublicKeyInfo DER.
///
/// Throws Error{malformed}: not DER, bytes behind it, neither RSA nor EC on P-256, P-384 or P-521,
/// a point off its curve, an even or tiny RSA modulus or exponent.
PublicKey read_public_key(core::BytesView spki);

/// describe returns "RSA 2048" or "EC P-384".
std::string describe(const PublicKey& key);

}  // namespace ringfence::services::capf

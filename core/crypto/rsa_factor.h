// Whether a factor of an RSA modulus can be found with some patience.
#pragma once

#include <optional>
#include <string>

#include "core/base/bytes.h"

namespace ringfence::core {

/// rsa_factor looks for a factor of a modulus, big-endian without a sign byte, that `rsa_flaw` let
/// pass, and returns how it was found, as a clause, or nothing. Pure.
///
/// Two methods, each with its bound: Pollard's p-1 finds a prime p when every prime power in p - 1
/// is at most kSmoothBelow; Pollard's rho finds a prime of up to about 32 bits, in kRhoSteps steps.
/// Neither is cheap: measured (tests/bench/README.md), a modulus of 2048 bits takes as long as some
/// thousand signatures by such a key, and nothing that costs one finds a factor of 32 bits. What
/// neither finds: larger factors whose p - 1 is not smooth, and primes that two keys share. Throws
/// Error{internal} when OpenSSL fails.
std::optional<std::string> rsa_factor(BytesView modulus);

inline constexpr unsigned kSmoothBelow = 1U << 16U;
inline constexpr unsigned kRhoSteps = 1U << 19U;

}  // namespace ringfence::core

// Whether an RSA key that somebody else made is one that can be broken at a glance.
#pragma once

#include <optional>
#include <string>

#include "core/base/bytes.h"

namespace ringfence::core {

/// rsa_flaw returns what is wrong with an RSA public key, as a clause ("its modulus has the small
/// factor 641"), or nothing. `modulus` and `exponent` are big-endian without a sign byte. Pure.
///
/// The checks, the cheap ones first: an exponent that is odd, at least 3 and of at most 64 bits; a
/// modulus that is odd, has no prime factor below 2^17, has not the fingerprint of the Infineon
/// library (ROCA, CVE-2017-15361), is no perfect power and no prime, and whose two factors are not
/// close to each other (1000 steps of Fermat's method; the CA/Browser Forum demands 100).
///
/// For a good key that takes about as long as a few signatures by it (tests/bench/README.md has
/// figures). What it cannot find at that price: prime factors above 2^17, and
/// primes that two keys share. Throws Error{internal} when OpenSSL fails.
std::optional<std::string> rsa_flaw(BytesView modulus, BytesView exponent);

}  // namespace ringfence::core

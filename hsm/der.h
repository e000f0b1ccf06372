// The few DER structures that turn PKCS#11 values into what X.509 speaks, and back.
#pragma once

#include <optional>

#include "hsm/key.h"

namespace ringfence::hsm::der {

/// rsa_spki and ec_spki return SubjectPublicKeyInfo (RFC 3279 2.3.1, RFC 5480 2).
/// Integers are unsigned big-endian; `curve` is the OBJECT IDENTIFIER's DER; `point` the bare
/// uncompressed point.
Bytes rsa_spki(BytesView modulus, BytesView exponent);
Bytes ec_spki(BytesView curve, BytesView point);

/// ecdsa_signature turns PKCS#11's r || s into Ecdsa-Sig-Value (RFC 3279 2.2.3).
Bytes ecdsa_signature(BytesView r_and_s);

/// hash_algorithm returns a hash's AlgorithmIdentifier, with its NULL. Throws Error{request} for
/// none.
Bytes hash_algorithm(Hash hash);

/// digest_info wraps a digest (RFC 8017 9.2). Throws Error{request} when its length is wrong.
Bytes digest_info(Hash hash, BytesView digest);

/// curve returns the named curve's OBJECT IDENTIFIER in DER; throws Error{request} for bits other
/// than 256, 384 and 521. curve_bits is the way back, nothing for another curve.
BytesView curve(unsigned bits);
std::optional<std::uint16_t> curve_bits(BytesView oid);

/// unwrap_octets returns what an OCTET STRING holds, as CKA_EC_POINT wraps its point; bytes that
/// are no OCTET STRING are returned as they are (some modules do not wrap).
BytesView unwrap_octets(BytesView der);

}  // namespace ringfence::hsm::der

// The nouns of signing: which key, which scheme, over what.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

namespace ringfence::hsm {

using core::Bytes;
using core::BytesView;

/// KeyRef names one version of a key: CKA_LABEL, and CKA_ID as four bytes big-endian.
struct KeyRef {
  std::string label;          ///< 1 to 64 of A-Z a-z 0-9 . _ -
  std::uint32_t version = 0;  ///< from 1 up; never used again, may skip

  auto operator<=>(const KeyRef&) const = default;
};

/// is_label says whether a text may be a KeyRef's label.
bool is_label(std::string_view text) noexcept;

/// to_text returns "CAPF/2".
std::string to_text(const KeyRef& ref);

enum class KeyAlgorithm : std::uint8_t { rsa = 1, ec = 2 };

/// KeySpec is a key's kind: RSA modulus bits (2048 to 4096), or the curve's (256, 384, 521).
struct KeySpec {
  KeyAlgorithm algorithm = KeyAlgorithm::rsa;
  std::uint16_t bits = 2048;

  bool operator==(const KeySpec&) const = default;
};

struct KeyInfo {
  KeyRef ref;
  KeySpec spec;
  bool operator==(const KeyInfo&) const = default;
};

enum class Scheme : std::uint8_t {
  rsa_pkcs1 = 1,  ///< DigestInfo of `hash` around the digest, type-1 padding (RFC 8017 9.2)
  rsa_pss = 2,    ///< RFC 8017 9.1 over the digest
  ecdsa = 3,      ///< over the digest; DER Ecdsa-Sig-Value out (RFC 3279 2.2.3)
  rsa_type1 = 4,  ///< type-1 padding over the given bytes as they are: a bare hash
};

enum class Hash : std::uint8_t {
  none = 0,
  md5 = 1,
  sha1 = 2,
  sha224 = 3,
  sha256 = 4,
  sha384 = 5,
  sha512 = 6,
};

/// size_of returns a digest's length in bytes, 0 for none.
std::size_t size_of(Hash hash) noexcept;

/// SignRequest asks for one signature.
struct SignRequest {
  KeyRef key;
  Scheme scheme = Scheme::rsa_pkcs1;
  Hash hash = Hash::sha256;      ///< for rsa_pkcs1 and rsa_pss
  Hash mgf_hash = Hash::sha256;  ///< for rsa_pss
  std::uint16_t salt_bytes = 0;  ///< for rsa_pss
  Bytes input;                   ///< the digest; for rsa_type1 any bytes that fit the modulus
  /// What is signed, up to wire::kMaxMessage bytes, instead of `input`: the signer sees by it
  /// whether the role may have it signed, and makes the digest; for rsa_type1 MD5 and SHA-1 of it,
  /// as TLS below 1.2 has it. Roles that may not sign just anything must show it.
  Bytes message;

  bool operator==(const SignRequest&) const = default;
};

}  // namespace ringfence::hsm

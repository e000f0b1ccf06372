#include "hsm/der.h"

#include <algorithm>
#include <array>

#include "core/base/der.h"
#include "hsm/error.h"

namespace ringfence::hsm::der {
namespace {

using core::der::append_element;
using core::der::append_integer;
using core::der::element;
using core::der::kNull;
using core::der::kOctetString;
using core::der::kOid;
using core::der::kSequence;

constexpr std::uint8_t kRsaAlgorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                          0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
constexpr std::uint8_t kEcPublicKey[] = {0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
constexpr std::uint8_t kP256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::uint8_t kP384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
constexpr std::uint8_t kP521[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};

void append(Bytes& to, BytesView bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

Bytes bit_string(BytesView bytes) {
  Bytes content{0};
  append(content, bytes);
  return element(core::der::kBitString, content);
}

Bytes sequence(BytesView first, BytesView second) {
  Bytes content(first.begin(), first.end());
  append(content, second);
  return element(kSequence, content);
}

/// The OBJECT IDENTIFIER of each hash, without tag and length.
BytesView hash_oid(Hash hash) {
  static constexpr std::uint8_t md5[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05};
  static constexpr std::uint8_t sha1[] = {0x2b, 0x0e, 0x03, 0x02, 0x1a};
  static constexpr std::uint8_t sha256[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01};
  static constexpr std::uint8_t sha384[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02};
  static constexpr std::uint8_t sha512[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03};
  static constexpr std::uint8_t sha224[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04};
  switch (hash) {
    case Hash::md5: return md5;
    case Hash::sha1: return sha1;
    case Hash::sha224: return sha224;
    case Hash::sha256: return sha256;
    case Hash::sha384: return sha384;
    case Hash::sha512: return sha512;
    case Hash::none: break;
  }
  throw Error(Kind::request, "the signature needs a named hash");
}

}  // namespace

Bytes rsa_spki(BytesView modulus, BytesView exponent) {
  Bytes numbers;
  append_integer(numbers, modulus);
  append_integer(numbers, exponent);
  return sequence(kRsaAlgorithm, bit_string(element(kSequence, numbers)));
}

Bytes ec_spki(BytesView curve, BytesView point) {
  return sequence(sequence(kEcPublicKey, curve), bit_string(point));
}

Bytes ecdsa_signature(BytesView r_and_s) {
  const std::size_t half = r_and_s.size() / 2;
  Bytes numbers;
  numbers.reserve(r_and_s.size() + 6);
  append_integer(numbers, r_and_s.first(half));
  append_integer(numbers, r_and_s.subspan(half));
  return element(kSequence, numbers);
}

Bytes hash_algorithm(Hash hash) {
  return sequence(element(kOid, hash_oid(hash)), element(kNull, {}));
}

Bytes digest_info(Hash hash, BytesView digest) {
  if (digest.size() != size_of(hash))
    throw Error(Kind::request, "the digest's length does not fit its hash");
  return sequence(hash_algorithm(hash), element(kOctetString, digest));
}

BytesView curve(unsigned bits) {
  switch (bits) {
    case 256: return kP256;
    case 384: return kP384;
    case 521: return kP521;
    default: throw Error(Kind::request, "EC keys have 256, 384 or 521 bits");
  }
}

std::optional<std::uint16_t> curve_bits(BytesView oid) {
  if (std::ranges::equal(oid, kP256)) return std::uint16_t{256};
  if (std::ranges::equal(oid, kP384)) return std::uint16_t{384};
  if (std::ranges::equal(oid, kP521)) return std::uint16_t{521};
  return std::nullopt;
}

BytesView unwrap_octets(BytesView der) {
  core::der::Reader reader(der);
  const std::optional<BytesView> value = reader.take(kOctetString);
  return value && reader.at_end() ? *value : der;
}

}  // namespace ringfence::hsm::der

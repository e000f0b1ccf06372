#include "core/crypto/spki.h"

#include <algorithm>
#include <array>
#include <bit>

namespace ringfence::core {
namespace {

constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kBitString = 0x03;
constexpr std::uint8_t kSequence = 0x30;

/// rsaEncryption with its NULL parameters.
constexpr std::array<std::uint8_t, 15> kRsaEncryption = {
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};

/// take reads the value of one element of `tag` whose length is encoded as DER demands, and moves
/// `rest` behind it.
std::optional<BytesView> take(BytesView& rest, std::uint8_t tag) noexcept {
  if (rest.size() < 2 || rest[0] != tag) return std::nullopt;
  std::size_t length = rest[1];
  std::size_t header = 2;
  if (length > 0x7f) {
    const std::size_t count = length & 0x7f;
    if (count < 1 || count > 2 || rest.size() < 2 + count) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length << 8 | rest[2 + i];
    if (length < (count == 1 ? 0x80U : 0x100U)) return std::nullopt;
    header += count;
  }
  if (rest.size() - header < length) return std::nullopt;
  const BytesView value = rest.subspan(header, length);
  rest = rest.subspan(header + length);
  return value;
}

/// take_positive reads a positive INTEGER's magnitude.
std::optional<BytesView> take_positive(BytesView& rest) noexcept {
  const auto value = take(rest, kInteger);
  if (!value || value->empty()) return std::nullopt;
  if ((*value)[0] >= 0x80) return std::nullopt;
  if ((*value)[0] != 0) return value;
  // A zero byte is there for the sign alone.
  if (value->size() < 2 || (*value)[1] < 0x80) return std::nullopt;
  return value->subspan(1);
}

}  // namespace

std::optional<RsaKey> read_rsa_spki(BytesView spki) noexcept {
  BytesView rest = spki;
  const auto outer = take(rest, kSequence);
  if (!outer || !rest.empty() || outer->size() < kRsaEncryption.size()) return std::nullopt;
  if (!std::equal(kRsaEncryption.begin(), kRsaEncryption.end(), outer->begin()))
    return std::nullopt;
  rest = outer->subspan(kRsaEncryption.size());
  const auto bits = take(rest, kBitString);
  if (!bits || !rest.empty() || bits->empty() || (*bits)[0] != 0) return std::nullopt;

  RsaKey key;
  key.pkcs1 = bits->subspan(1);
  rest = key.pkcs1;
  const auto inner = take(rest, kSequence);
  if (!inner || !rest.empty()) return std::nullopt;
  rest = *inner;
  const auto modulus = take_positive(rest);
  if (!modulus) return std::nullopt;
  const auto exponent = take_positive(rest);
  if (!exponent || !rest.empty()) return std::nullopt;
  const bool usable = modulus->back() % 2 == 1 && exponent->back() % 2 == 1 &&
                      (exponent->size() > 1 || exponent->back() > 1);
  if (!usable) return std::nullopt;
  key.modulus = *modulus;
  key.exponent = *exponent;
  key.bits = static_cast<int>((modulus->size() - 1) * 8) +
             static_cast<int>(std::bit_width(static_cast<unsigned>((*modulus)[0])));
  return key;
}

}  // namespace ringfence::core

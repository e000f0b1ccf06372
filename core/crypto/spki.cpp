#include "core/crypto/spki.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/base/der.h"

namespace ringfence::core {
namespace {

/// rsaEncryption with its NULL parameters.
constexpr std::array<std::uint8_t, 15> kRsaEncryption = {
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};

/// take_positive reads a positive INTEGER's magnitude.
std::optional<BytesView> take_positive(der::Reader& numbers) noexcept {
  const auto value = numbers.take(der::kInteger);
  if (!value || value->empty()) return std::nullopt;
  if ((*value)[0] >= 0x80) return std::nullopt;
  if ((*value)[0] != 0) return value;
  // A zero byte is there for the sign alone.
  if (value->size() < 2 || (*value)[1] < 0x80) return std::nullopt;
  return value->subspan(1);
}

}  // namespace

std::optional<RsaKey> read_rsa_spki(BytesView spki) noexcept {
  der::Reader all(spki);
  const auto outer = all.take(der::kSequence);
  if (!outer || !all.at_end() || outer->size() < kRsaEncryption.size()) return std::nullopt;
  if (!std::equal(kRsaEncryption.begin(), kRsaEncryption.end(), outer->begin()))
    return std::nullopt;
  der::Reader behind(outer->subspan(kRsaEncryption.size()));
  const auto bits = behind.take(der::kBitString);
  if (!bits || !behind.at_end() || bits->empty() || (*bits)[0] != 0) return std::nullopt;

  RsaKey key;
  key.pkcs1 = bits->subspan(1);
  der::Reader inside(key.pkcs1);
  const auto inner = inside.take(der::kSequence);
  if (!inner || !inside.at_end()) return std::nullopt;
  der::Reader numbers(*inner);
  const auto modulus = take_positive(numbers);
  if (!modulus) return std::nullopt;
  const auto exponent = take_positive(numbers);
  if (!exponent || !numbers.at_end()) return std::nullopt;
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

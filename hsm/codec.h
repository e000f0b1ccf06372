// Writing and reading the bytes of hsm/wire.h's fields: big-endian numbers, counted text.
#pragma once

#include <string>
#include <string_view>

#include "hsm/error.h"
#include "hsm/key.h"
#include "hsm/status.h"

namespace ringfence::hsm::wire {

inline constexpr std::size_t kMaxLabel = 64;
inline constexpr std::size_t kMaxText = 1024;
inline constexpr std::size_t kMaxBytes = 4096;

/// Out puts fields one behind the other.
class Out {
 public:
  Out() { bytes_.reserve(128); }

  Out& u8(std::uint8_t value) {
    bytes_.push_back(value);
    return *this;
  }

  template <typename Enum>
  Out& code(Enum value) {
    return u8(static_cast<std::uint8_t>(value));
  }

  Out& u16(std::size_t value) { return number(value, 2); }

  Out& u32(std::uint64_t value) { return number(value, 4); }

  Out& u64(std::uint64_t value) { return number(value, 8); }

  Out& raw(BytesView value) {
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    return *this;
  }

  Out& bytes(BytesView value) { return u16(value.size()).raw(value); }

  Out& long_bytes(BytesView value) { return u32(value.size()).raw(value); }

  /// text cuts what is longer than kMaxText.
  Out& text(std::string_view value) {
    value = value.substr(0, kMaxText);
    return bytes({reinterpret_cast<const std::uint8_t*>(value.data()), value.size()});
  }

  Out& key(const KeyRef& ref) { return text(ref.label).u32(ref.version); }

  Out& spec(const KeySpec& spec) { return code(spec.algorithm).u16(spec.bits); }

  Out& token_facts(const TokenFacts& token);

  Bytes take() { return std::move(bytes_); }

 private:
  Out& number(std::uint64_t value, unsigned size) {
    while (size-- > 0) u8(static_cast<std::uint8_t>(value >> (8 * size)));
    return *this;
  }

  Bytes bytes_;
};

/// In reads fields one behind the other; each throws Error{request} naming `what` was truncated,
/// too long, or out of range.
class In {
 public:
  explicit In(BytesView bytes) : rest_(bytes) {}

  std::uint8_t u8(std::string_view what) { return static_cast<std::uint8_t>(number(1, what)); }

  std::uint16_t u16(std::string_view what) { return static_cast<std::uint16_t>(number(2, what)); }

  std::uint32_t u32(std::string_view what) { return static_cast<std::uint32_t>(number(4, what)); }

  std::uint64_t u64(std::string_view what) { return number(8, what); }

  bool flag(std::string_view what);
  BytesView bytes(std::size_t max, std::string_view what);
  BytesView long_bytes(std::size_t max, std::string_view what);
  std::string text(std::size_t max, std::string_view what);
  std::string label();
  KeyRef key();
  KeySpec spec();
  Hash hash(std::string_view what);
  TokenFacts token_facts();

  BytesView rest() const noexcept { return rest_; }

  /// end throws when bytes are left.
  void end() const;

 private:
  BytesView take(std::size_t size, std::string_view what);
  std::uint64_t number(std::size_t size, std::string_view what);

  BytesView rest_;
};

}  // namespace ringfence::hsm::wire

// The fields of hsm/wire.h on core/base's writer and reader: counted text, keys, the token's facts.
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
  Out& u8(std::uint8_t value) {
    writer_.u8(value);
    return *this;
  }

  template <typename Enum>
  Out& code(Enum value) {
    return u8(static_cast<std::uint8_t>(value));
  }

  Out& u16(std::size_t value) {
    writer_.u16(static_cast<std::uint16_t>(value));
    return *this;
  }

  Out& u32(std::uint64_t value) {
    writer_.u32(static_cast<std::uint32_t>(value));
    return *this;
  }

  Out& u64(std::uint64_t value) { return u32(value >> 32U).u32(value); }

  Out& raw(BytesView value) {
    writer_.bytes(value);
    return *this;
  }

  Out& bytes(BytesView value) { return u16(value.size()).raw(value); }

  Out& long_bytes(BytesView value) { return u32(value.size()).raw(value); }

  /// text cuts what is longer than kMaxText.
  Out& text(std::string_view value) { return bytes(core::bytes_of(value.substr(0, kMaxText))); }

  Out& key(const KeyRef& ref) { return text(ref.label).u32(ref.version); }

  Out& spec(const KeySpec& spec) { return code(spec.algorithm).u16(spec.bits); }

  Out& token_facts(const TokenFacts& token);

  Bytes take() { return writer_.take(); }

 private:
  core::Writer writer_;
};

/// In reads fields one behind the other; each throws Error{request} naming `what` was truncated,
/// too long, or out of range.
class In {
 public:
  explicit In(BytesView bytes) : reader_(bytes) {}

  std::uint8_t u8(std::string_view what);
  std::uint16_t u16(std::string_view what);
  std::uint32_t u32(std::string_view what);
  std::uint64_t u64(std::string_view what);
  bool flag(std::string_view what);
  BytesView bytes(std::size_t max, std::string_view what);
  BytesView long_bytes(std::size_t max, std::string_view what);
  std::string text(std::size_t max, std::string_view what);
  std::string label();
  KeyRef key();
  KeySpec spec();
  Hash hash(std::string_view what);
  TokenFacts token_facts();

  BytesView rest() const noexcept { return reader_.rest(); }

  /// end throws when bytes are left.
  void end() const;

 private:
  BytesView counted(std::size_t size, std::size_t max, std::string_view what);

  core::Reader reader_;
};

}  // namespace ringfence::hsm::wire

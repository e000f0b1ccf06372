// Bytes, their hexadecimal text, and bounded big-endian reading and writing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringfence::core {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

/// bytes_of views the characters of `text` as bytes; `text` must outlive the view.
BytesView bytes_of(std::string_view text) noexcept;

/// text_of copies bytes into a string, unchecked.
std::string text_of(BytesView bytes);

enum class Case { lower, upper };

/// to_hex returns two digits a byte, with `separator` (possibly empty) between bytes.
std::string to_hex(BytesView bytes, Case letters = Case::lower, std::string_view separator = "");

/// from_hex reads pairs of hexadecimal digits; throws Error{malformed} for anything else.
Bytes from_hex(std::string_view text);

/// to_base64 returns standard base64 (RFC 4648 section 4) without line breaks.
std::string to_base64(BytesView bytes);

/// from_base64 reads what to_base64 writes; throws Error{malformed} for anything else.
Bytes from_base64(std::string_view text);

/// Reader takes big-endian values off the front of a view and never reads past its end.
///
/// Each call throws Error{malformed, "<what> is truncated"} when too little is left, and then has
/// taken nothing. The view must outlive the reader.
class Reader {
 public:
  explicit Reader(BytesView bytes) : rest_(bytes) {}

  std::uint8_t u8(std::string_view what);
  std::uint16_t u16(std::string_view what);
  std::uint32_t u32(std::string_view what);
  BytesView take(std::size_t count, std::string_view what);

  std::size_t left() const noexcept { return rest_.size(); }

  bool empty() const noexcept { return rest_.empty(); }

  BytesView rest() const noexcept { return rest_; }

 private:
  BytesView rest_;
};

/// Writer appends big-endian values to its own bytes.
class Writer {
 public:
  Writer& u8(std::uint8_t value);
  Writer& u16(std::uint16_t value);
  Writer& u32(std::uint32_t value);
  Writer& bytes(BytesView value);
  Writer& text(std::string_view value);

  const Bytes& view() const noexcept { return bytes_; }

  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

}  // namespace ringfence::core

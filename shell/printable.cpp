#include "shell/printable.h"

#include <cstdint>

#include <fmt/format.h>

namespace ringfence::shell {
namespace {

/// One character of UTF-8; `size` is 0 when the bytes are none.
struct Character {
  std::uint32_t code = 0;
  std::size_t size = 0;
};

Character decode(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t size = first >= 0xf0 && first < 0xf5   ? 4
                           : first >= 0xe0 && first < 0xf0 ? 3
                           : first >= 0xc2 && first < 0xe0 ? 2
                                                           : 0;
  if (size == 0 || text.size() < size) return {};
  std::uint32_t code = first & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3fU);
  }
  const bool too_long = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  if (too_long || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {};
  return {code, size};
}

bool dangerous(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
         code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

enum class Keep { nothing, lines_and_tabs };

std::string escape(std::string_view text, Keep keep) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const Character next = decode(text);
    const std::size_t size = next.size == 0 ? 1 : next.size;
    const bool layout = next.size == 1 && (next.code == '\n' || next.code == '\t');
    const bool kept = layout ? keep == Keep::lines_and_tabs : !dangerous(next.code);
    if (next.size != 0 && kept) {
      safe += text.substr(0, size);
    } else {
      for (const char c : text.substr(0, size)) {
        safe += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(c));
      }
    }
    text.remove_prefix(size);
  }
  return safe;
}

}  // namespace

std::size_t valid_utf8_bytes(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t size = decode(text.substr(at)).size;
    if (size == 0) break;
    at += size;
  }
  return at;
}

std::string printable(std::string_view text) {
  return escape(text, Keep::lines_and_tabs);
}

std::string one_line(std::string_view text) {
  return escape(text, Keep::nothing);
}

std::string printable_json(std::string_view document) {
  std::string safe;
  safe.reserve(document.size());
  while (!document.empty()) {
    const Character next = decode(document);
    const std::size_t size = next.size == 0 ? 1 : next.size;
    if (next.code >= 0x20 && dangerous(next.code)) {
      safe += fmt::format("\\u{:04x}", next.code);
    } else {
      safe += document.substr(0, size);
    }
    document.remove_prefix(size);
  }
  return safe;
}

}  // namespace ringfence::shell

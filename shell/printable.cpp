#include "shell/printable.h"

#include <cstdint>

#include <fmt/format.h>

#include "core/base/utf8.h"

namespace ringfence::shell {
namespace {

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
    const core::Character next = core::first_character(text);
    const std::size_t size = next.bytes == 0 ? 1 : next.bytes;
    const bool layout = next.bytes == 1 && (next.code == '\n' || next.code == '\t');
    const bool kept = layout ? keep == Keep::lines_and_tabs : !dangerous(next.code);
    if (next.bytes != 0 && kept) {
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
    const std::size_t size = core::first_character(text.substr(at)).bytes;
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
    const core::Character next = core::first_character(document);
    const std::size_t size = next.bytes == 0 ? 1 : next.bytes;
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

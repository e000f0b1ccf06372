#include "hsm/key.h"

#include <algorithm>

#include <fmt/format.h>

namespace ringfence::hsm {

bool is_label(std::string_view text) noexcept {
  const auto good = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), good);
}

std::string to_text(const KeyRef& ref) {
  return fmt::format("{}/{}", ref.label, ref.version);
}

std::size_t size_of(Hash hash) noexcept {
  switch (hash) {
    case Hash::none: return 0;
    case Hash::md5: return 16;
    case Hash::sha1: return 20;
    case Hash::sha224: return 28;
    case Hash::sha256: return 32;
    case Hash::sha384: return 48;
    case Hash::sha512: return 64;
  }
  return 0;
}

}  // namespace ringfence::hsm

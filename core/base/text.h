// Words of ASCII: without the blanks around them, in capitals.
#pragma once

#include <string>
#include <string_view>

namespace ringfence::core {

/// trimmed is `text` without the `blanks` around it.
std::string_view trimmed(std::string_view text, std::string_view blanks = " \t") noexcept;

/// upper is `text` with a to z as A to Z; other characters stay.
std::string upper(std::string_view text);

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

}  // namespace ringfence::core

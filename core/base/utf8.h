// Text of others: whether it is UTF-8, and how to repeat it in a line of ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ringfence::core {

/// Character is one character of UTF-8; `bytes` is 0 when the text does not begin with one.
struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 0;
};

/// first_character reads the front of `text`, which is not empty.
Character first_character(std::string_view text) noexcept;

bool is_utf8(std::string_view text) noexcept;

/// misleads says whether a character could forge a line or a reading: a control character (line
/// ends included), a separator of lines, one that turns the direction of writing, or an invisible
/// mark.
bool misleads(std::uint32_t code) noexcept;

/// in_one_line returns `text` with '?' for what misleads or is not UTF-8, and "..." for what it has
/// beyond `most` bytes.
std::string in_one_line(std::string_view text, std::size_t most = 200);

}  // namespace ringfence::core

// A typed line as words, and words as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringfence::shell {

/// split cuts a line at spaces and tabs; double quotes keep spaces together and are taken away.
/// Throws Error{malformed} when a quote is not closed.
std::vector<std::string> split(std::string_view line);

/// split_lenient is split for a line that may end inside quotes.
std::vector<std::string> split_lenient(std::string_view line);

/// in_quotes says whether the end of `text` stands inside double quotes.
bool in_quotes(std::string_view text) noexcept;

std::string join(const std::vector<std::string>& words, std::string_view separator);

/// alternatives writes "a, b and c".
std::string alternatives(const std::vector<std::string>& words);

bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept;
bool starts_ignoring_case(std::string_view text, std::string_view start) noexcept;

/// integer_from reads a whole decimal number and nothing else.
std::optional<std::int64_t> integer_from(std::string_view text) noexcept;

/// counted writes "1 phone", "2 phones".
std::string counted(std::int64_t count, std::string_view noun);

}  // namespace ringfence::shell

#include "shell/words.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::shell {
namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

}  // namespace

std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool open = false;
  bool started = false;
  for (const char c : line) {
    if (c == '"') {
      open = !open;
      started = true;
    } else if (!open && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) {
      if (started) words.push_back(std::move(word));
      word.clear();
      started = false;
    } else {
      word += c;
      started = true;
    }
  }
  if (open) throw core::Error(core::Code::malformed, "a double quote is not closed");
  if (started) words.push_back(std::move(word));
  return words;
}

std::vector<std::string> split_lenient(std::string_view line) {
  if (!in_quotes(line)) return split(line);
  return split(std::string(line) + '"');
}

bool in_quotes(std::string_view text) noexcept {
  return std::ranges::count(text, '"') % 2 == 1;
}

std::string join(const std::vector<std::string>& words, std::string_view separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

std::string alternatives(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
    text += words[i];
  }
  return text;
}

bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept {
  return left.size() == right.size() && starts_ignoring_case(left, right);
}

bool starts_ignoring_case(std::string_view text, std::string_view start) noexcept {
  return text.size() >= start.size() &&
         std::ranges::equal(text.substr(0, start.size()), start, {}, lower, lower);
}

std::optional<std::int64_t> integer_from(std::string_view text) noexcept {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string counted(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace ringfence::shell

#include "core/phones/model_name.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/base/text.h"

namespace ringfence::core {
namespace {

/// with_single_blanks trims a text and has one blank between its words.
std::string with_single_blanks(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c != ' ' && c != '\t') {
      result += c;
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  if (result.ends_with(' ')) result.pop_back();
  return result;
}

/// behind returns what follows `begin` in `text`, in any case; nothing (data() is null) when it
/// does not begin so.
std::string_view behind(std::string_view text, std::string_view begin) {
  if (text.size() < begin.size() || upper(text.substr(0, begin.size())) != begin) return {};
  return text.substr(begin.size());
}

/// is_number says whether a text begins with a model's number, whole or of a pattern.
bool is_number(std::string_view text) {
  constexpr std::size_t kDigits = 4;
  const auto first = text.substr(0, kDigits);
  if (first.empty() || !is_digit(first.front())) return false;
  const std::size_t digits = std::min(text.find_first_not_of("0123456789?"), text.size());
  const bool pattern = text.find_first_of("*?") != text.npos;
  if (digits > kDigits || (digits < kDigits && !pattern)) return false;
  return text.find(' ') == text.npos;
}

/// series_of is what stands before a number: desk phones of the 9800 series have a mark of their
/// own, so a pattern whose second digit is open may be of either.
std::string series_of(std::string_view number) {
  if (number.starts_with("9") && (number.size() < 2 || !is_digit(number[1]))) return "?P-";
  return number.starts_with("98") ? "DP-" : "CP-";
}

/// without_order_mark takes off what only an ordering number has: "-K9", "=".
std::string without_order_mark(std::string name) {
  if (name.ends_with('=')) name.pop_back();
  if (name.ends_with("-K9")) name.resize(name.size() - 3);
  return name;
}

}  // namespace

std::string model_name_from(std::string_view written) {
  std::string whole = with_single_blanks(written);
  std::string_view name = whole;
  constexpr std::array<std::string_view, 4> makers = {"CISCO ", "UNIFIED ", "IP PHONE ",
                                                      "DESK PHONE "};
  for (const std::string_view word : makers)
    if (const auto rest = behind(name, word); !rest.empty()) name = rest;
  for (const std::string_view prefix : {"CP-", "CP ", "CP", "DP-", "DP ", "DP"})
    if (const auto rest = behind(name, prefix); is_number(rest))
      return series_of(rest) + without_order_mark(upper(rest));
  if (is_number(name)) return series_of(name) + without_order_mark(upper(name));
  for (const std::string_view prefix : {"ATA-", "ATA ", "ATA"})
    if (const auto rest = behind(name, prefix); !rest.empty() && is_digit(rest.front()))
      return "ATA " + without_order_mark(upper(rest));
  const bool pattern = name.find_first_of("*?") != name.npos;
  if (pattern && name.size() < whole.size()) return '*' + std::string(name);  // "Cisco *"
  return whole;
}

bool is_model_name(std::string_view kept) noexcept {
  if (kept.empty() || kept.find_first_of("*?") != kept.npos) return true;
  if (kept.starts_with("CP-") || kept.starts_with("DP-")) return is_number(kept.substr(3));
  if (kept.starts_with("ATA ")) return true;
  constexpr std::array<std::string_view, 12> words = {"VG",
                                                      "DX",
                                                      "CSF",
                                                      "BOT",
                                                      "TCT",
                                                      "TAB",
                                                      "JABBER",
                                                      "WEBEX",
                                                      "IP COMMUNICATOR",
                                                      "WIRELESS PHONE",
                                                      "THIRD-PARTY",
                                                      "ANALOG"};
  const auto same = [](char a, char b) {
    return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 0x20) : a) == b;
  };
  const auto says = [&](std::string_view word) {
    return std::search(kept.begin(), kept.end(), word.begin(), word.end(), same) != kept.end();
  };
  return std::ranges::any_of(words, says);
}

}  // namespace ringfence::core

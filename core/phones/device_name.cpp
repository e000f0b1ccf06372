#include "core/phones/device_name.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace ringfence::core {
namespace {

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// mac_in returns the twelve digits of a MAC address, in capitals.
std::optional<std::string> mac_in(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c == ':' || c == '-' || c == '.' || c == ' ') continue;
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0 || digits.size() == 12)
      return std::nullopt;
    digits += c;
  }
  if (digits.size() != 12) return std::nullopt;
  return upper(digits);
}

/// is_adapter says whether the model's name has the word ATA in it, as in "Cisco ATA 191".
bool is_adapter(std::string_view model) {
  const std::string name = upper(model);
  const auto letter = [&](std::size_t at) {
    return at < name.size() && std::isalpha(static_cast<unsigned char>(name[at])) != 0;
  };
  for (std::size_t at = 0; (at = name.find("ATA", at)) != name.npos; ++at)
    if ((at == 0 || !letter(at - 1)) && !letter(at + 3)) return true;
  return false;
}

}  // namespace

std::string device_name_from(std::string_view written, std::string_view model) {
  const std::string_view name = trimmed(written);
  if (const auto mac = mac_in(name)) return (is_adapter(model) ? "ATA" : "SEP") + *mac;
  const std::string kind = upper(name.substr(0, 3));
  constexpr std::array<std::string_view, 6> kinds = {"SEP", "ATA", "CSF", "BOT", "TCT", "TAB"};
  if (std::ranges::find(kinds, kind) == kinds.end()) return std::string(name);
  const std::string_view rest = name.substr(3);
  if (kind == "SEP" || kind == "ATA")
    if (const auto mac = mac_in(rest)) return kind + *mac;
  return kind + std::string(rest);
}

}  // namespace ringfence::core

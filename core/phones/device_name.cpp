#include "core/phones/device_name.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include <fmt/format.h>

#include "core/base/text.h"

namespace ringfence::core {
namespace {

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

std::optional<std::string> flaw_of_mac(std::string_view name) {
  constexpr std::size_t kDigits = 12;
  std::string_view mac = name;
  if (mac.starts_with("SEP") || mac.starts_with("ATA")) mac.remove_prefix(3);
  const bool prefixed = mac.size() < name.size();
  std::size_t digits = 0;
  std::optional<char> foreign;
  std::size_t foreigners = 0;
  for (const char c : mac) {
    if (std::isxdigit(static_cast<unsigned char>(c)) != 0) {
      ++digits;
    } else if (c != ':' && c != '-' && c != '.' && c != ' ') {
      if (!foreign) foreign = c;
      ++foreigners;
    }
  }
  // Other things than a MAC address get other words.
  const bool begins = mac.find_first_not_of("0123456789abcdefABCDEF:-. ") >= 3;  // no CSF, no TAB
  if (mac.empty() || (!prefixed && (!begins || digits < 8 || foreigners > 2))) return std::nullopt;
  if (foreign) {
    const bool shown = *foreign > ' ' && *foreign <= '~';
    return fmt::format(
        "the MAC address has {} in it, which is none of its 12 hexadecimal digits 0 to 9 and A to "
        "F",
        shown ? fmt::format("'{}'", *foreign) : std::string("a character"));
  }
  if (digits == kDigits) return std::nullopt;
  return fmt::format("the MAC address has {} hexadecimal digit{}, and must have 12", digits,
                     digits == 1 ? "" : "s");
}

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

bool is_soft_client(std::string_view device) noexcept {
  return !device.starts_with("SEP") && !device.starts_with("ATA");
}

bool fetches_trust_lists(std::string_view device) noexcept {
  return !is_soft_client(device);
}

}  // namespace ringfence::core

#include "core/base/device_name.h"

#include <algorithm>

namespace ringfence::core {
namespace {

constexpr std::size_t kLongestModel = 20;

bool digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool upper(char c) noexcept {
  return c >= 'A' && c <= 'Z';
}

bool upper_hex(char c) noexcept {
  return digit(c) || (c >= 'A' && c <= 'F');
}

bool name_character(char c) noexcept {
  return digit(c) || upper(c) || (c >= 'a' && c <= 'z') || c == '_' || c == '.' || c == '-';
}

bool product_number(std::string_view model) noexcept {
  if (model.empty() || model.size() > kLongestModel || !upper(model.front())) return false;
  if (is_device_name(model)) return false;
  return std::ranges::any_of(model, digit) && std::ranges::all_of(model, [](char c) {
           return digit(c) || upper(c) || c == '-' || c == '+';
         });
}

/// number_in returns the first number of three digits or more, which is a product's: "8865" of
/// "CP-8865NR", none of "TTC7-16", which a room system's certificate says for an SX20.
std::string_view number_in(std::string_view model) noexcept {
  constexpr std::size_t kLeastDigits = 3;
  for (std::size_t at = 0; at < model.size();) {
    std::size_t end = at;
    while (end < model.size() && digit(model[end])) ++end;
    if (end - at >= kLeastDigits) return model.substr(at, end - at);
    at = end + 1;
  }
  return {};
}

bool same_number(std::string_view one, std::string_view other) noexcept {
  const std::string_view number = number_in(one);
  const std::string_view another = number_in(other);
  return number.empty() || another.empty() || number == another;
}

}  // namespace

bool is_device_name(std::string_view name) noexcept {
  constexpr std::size_t kMacDigits = 12;
  const std::string_view kind = name.substr(0, 3);
  const std::string_view rest = name.substr(kind.size());
  if (kind == "SEP" || kind == "ATA")
    return rest.size() == kMacDigits && std::ranges::all_of(rest, upper_hex);
  if (kind == "CSF" || kind == "BOT" || kind == "TCT" || kind == "TAB")
    return !rest.empty() && rest.size() <= 12 && std::ranges::all_of(rest, name_character);
  return false;
}

std::string_view device_of(std::string_view common_name) noexcept {
  if (is_device_name(common_name)) return common_name;
  for (std::size_t dash = common_name.find('-'); dash != std::string_view::npos;
       dash = common_name.find('-', dash + 1)) {
    const std::string_view rest = common_name.substr(dash + 1);
    if (!is_device_name(rest)) continue;
    return product_number(common_name.substr(0, dash)) ? rest : std::string_view();
  }
  return {};
}

bool names_device(std::string_view common_name, std::string_view device,
                  std::string_view model) noexcept {
  if (device.empty()) return false;
  if (device_of(common_name) == device)
    return common_name.size() == device.size() ||
           same_number(common_name.substr(0, common_name.size() - device.size() - 1), model);
  return !model.empty() && common_name.size() == model.size() + 1 + device.size() &&
         common_name.starts_with(model) && common_name[model.size()] == '-' &&
         common_name.ends_with(device) && !is_device_name(common_name);
}

}  // namespace ringfence::core

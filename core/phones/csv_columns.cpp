#include "core/phones/csv_columns.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/text.h"

namespace ringfence::core {
namespace {

using Alias = std::pair<std::string_view, std::string_view>;

constexpr std::array<Alias, 23> kAliases = {{
    {"mac_address", "name"},
    {"mac", "name"},
    {"device_name", "name"},
    {"mac_address/device_name", "name"},
    {"phone_name", "name"},
    {"device", "name"},
    {"phone", "name"},
    {"device_type", "model"},
    {"phone_type", "model"},
    {"phone_model", "model"},
    {"device_model", "model"},
    {"device_description", "description"},
    {"device_security_profile", "security_profile"},
    {"phone_security_profile", "security_profile"},
    {"certificate_operation", "operation"},
    {"authentication_mode", "auth_mode"},
    {"authentication_string", "auth_string"},
    {"key_size", "rsa_bits"},
    {"rsa_key_size", "rsa_bits"},
    {"rsa_key_size_(bits)", "rsa_bits"},
    {"ec_key_size", "ec_bits"},
    {"ec_key_size_(bits)", "ec_bits"},
    {"operation_completes_by", "completes_by"},
}};

/// Columns of BAT's phone files that hold nothing that is kept here; a number at the end of a name
/// ("DIRECTORY NUMBER 1") is taken off before.
constexpr std::array<std::string_view, 62> kOfBat = {
    "aar_css",
    "aar_group",
    "allow_cti_control_flag",
    "allow_control_of_device_from_cti",
    "alerting_name",
    "always_use_prime_line",
    "asciidisplay",
    "ascii_display",
    "built_in_bridge",
    "busy_trigger",
    "call_pickup_group",
    "call_waiting",
    "calling_search_space",
    "common_device_configuration",
    "common_phone_profile",
    "common_profile",
    "css",
    "csc",
    "device_mobility_mode",
    "device_presence_group",
    "device_protocol",
    "directory_number",
    "display",
    "dnd_option",
    "do_not_disturb",
    "enable_extension_mobility",
    "external_phone_number_mask",
    "forward_all_destination",
    "forward_busy_external_destination",
    "forward_busy_internal_destination",
    "forward_no_answer_external_destination",
    "forward_no_answer_internal_destination",
    "hlog_status",
    "ignore_presentation_indicators",
    "is_active",
    "line_css",
    "line_description",
    "line_text_label",
    "load_information",
    "location",
    "maximum_number_of_calls",
    "max_num_calls",
    "media_resource_group_list",
    "module",
    "mtp_required",
    "network_hold_moh_audio_source",
    "network_locale",
    "owner_user_id",
    "phone_button_template",
    "phone_load_name",
    "privacy",
    "product_specific_configuration",
    "route_partition",
    "secure_shell_user",
    "service",
    "sip_profile",
    "softkey_template",
    "speed_dial",
    "user_hold_moh_audio_source",
    "user_id",
    "user_locale",
    "voice_mail_profile",
};

/// key_of is a name as it is compared: lower case, one '_' for blanks and '-'.
std::string key_of(std::string_view name) {
  std::string key;
  for (const char c : name) {
    const bool gap = c == ' ' || c == '\t' || c == '-' || c == '_';
    if (!gap) key += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (gap && !key.empty() && key.back() != '_') key += '_';
  }
  while (key.ends_with('_')) key.pop_back();
  return key;
}

bool is_of_bat(std::string key) {
  const std::size_t end = key.find_last_not_of("0123456789");
  if (end != key.npos) key.resize(end + 1);
  while (key.ends_with('_')) key.pop_back();
  return std::ranges::find(kOfBat, key) != kOfBat.end();
}

std::optional<std::size_t> index_of(std::string_view column) {
  const auto* const found = std::ranges::find(kPhoneColumns, column);
  if (found == kPhoneColumns.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kPhoneColumns.begin());
}

std::optional<std::size_t> column_of(std::string_view key) {
  if (const auto own = index_of(key)) return own;
  const auto* const alias = std::ranges::find(kAliases, key, &Alias::first);
  return alias == kAliases.end() ? std::nullopt : index_of(alias->second);
}

/// distance counts the letters to change, add or take away.
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

std::string_view nearest(std::string_view key) {
  key = key.substr(0, 40);
  std::string_view best = kPhoneColumns.front();
  std::size_t least = distance(key, best);
  const auto consider = [&](std::string_view name, std::string_view column) {
    const std::size_t far = distance(key, name);
    if (far >= least) return;
    least = far;
    best = column;
  };
  for (const std::string_view column : kPhoneColumns) consider(column, column);
  for (const auto& [name, column] : kAliases) consider(name, column);
  return best;
}

/// shown is `text` as a message may repeat it: short, and printable.
std::string shown(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 40)) result += c >= 0x20 && c < 0x7f ? c : '?';
  return result;
}

}  // namespace

PhoneColumns::PhoneColumns(const CsvRecord& header) : count_(header.count) {
  if (count_ > kMost) refuse_line(header.line, fmt::format("more than {} columns", kMost));
  places_.fill(count_);
  for (std::size_t at = 0; at < count_; ++at) {
    const std::string_view name = trimmed(header.fields[at]);
    const std::string key = key_of(name);
    if (key.empty()) refuse_line(header.line, fmt::format("column {} has no name", at + 1));
    const auto column = column_of(key);
    if (!column && is_of_bat(key)) {
      passed_over_.push_back(shown(name));
      continue;
    }
    if (!column)
      refuse_line(header.line,
                  fmt::format("unknown column \"{}\", the nearest is {}; the columns are {}",
                              shown(name), nearest(key), fmt::join(kPhoneColumns, ", ")));
    std::size_t& place = places_.at(*column);
    if (place != count_)
      refuse_line(header.line,
                  fmt::format("the column {} stands twice", kPhoneColumns.at(*column)));
    place = at;
    if (name != kPhoneColumns.at(*column))
      renamed_.push_back(fmt::format("{} as {}", shown(name), kPhoneColumns.at(*column)));
  }
  if (!has("name"))
    refuse_line(header.line,
                "the column name is missing; it may be called MAC ADDRESS or DEVICE NAME");
}

std::string_view PhoneColumns::value(const CsvRecord& record, std::string_view column) const {
  const std::size_t at = place(column);
  return at >= record.fields.size() || at == count_ ? std::string_view()
                                                    : trimmed(record.fields[at]);
}

std::size_t PhoneColumns::place(std::string_view column) const {
  return places_.at(index_of(column).value());
}

}  // namespace ringfence::core

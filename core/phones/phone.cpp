// The words of a phone's fields and the rules they must keep.
#include "core/phones/phone.h"

#include <array>
#include <optional>

#include <fmt/format.h>

#include "core/base/device_name.h"
#include "core/base/error.h"
#include "core/phones/device_name.h"

namespace ringfence::core {
namespace {

template <typename Value>
struct Word {
  Value value;
  std::string_view word;
};

constexpr std::array<Word<Operation>, 4> kOperations = {
    {{Operation::none, "none"},
     {Operation::install, "install"},
     {Operation::remove, "delete"},
     {Operation::troubleshoot, "troubleshoot"}}};

constexpr std::array<Word<AuthMode>, 4> kAuthModes = {{{AuthMode::null_string, "null-string"},
                                                       {AuthMode::auth_string, "auth-string"},
                                                       {AuthMode::lsc, "lsc"},
                                                       {AuthMode::mic, "mic"}}};

constexpr std::array<Word<KeyOrder>, 3> kKeyOrders = {{{KeyOrder::rsa_only, "rsa-only"},
                                                       {KeyOrder::ec_only, "ec-only"},
                                                       {KeyOrder::ec_preferred, "ec-preferred"}}};

template <typename Value, std::size_t kCount>
std::string_view word_of(const std::array<Word<Value>, kCount>& words, Value value) noexcept {
  for (const auto& entry : words)
    if (entry.value == value) return entry.word;
  return "";
}

template <typename Value, std::size_t kCount>
Value value_of(const std::array<Word<Value>, kCount>& words, std::string_view what,
               std::string_view word) {
  std::string choices;
  for (const auto& entry : words) {
    if (entry.word == word) return entry.value;
    if (!choices.empty()) choices += ", ";
    choices += entry.word;
  }
  throw Error(Code::malformed, fmt::format("the {} must be one of {}", what, choices));
}

bool digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// characters counts the code points of `text`, or nothing when it is not UTF-8 (RFC 3629) or has
/// a control character, which no configuration file may contain.
std::optional<std::size_t> characters(std::string_view text) noexcept {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++count) {
    const auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    const unsigned lead = byte(i);
    if (lead < 0x20 || lead == 0x7f) return std::nullopt;
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xc2 && lead < 0xe0 ? 2
                               : lead >= 0xe0 && lead < 0xf0 ? 3
                               : lead >= 0xf0 && lead < 0xf5 ? 4
                                                             : 0;
    if (length == 0) return std::nullopt;
    for (std::size_t k = 1; k < length; ++k)
      if ((byte(i + k) & 0xc0) != 0x80) return std::nullopt;
    const unsigned second = byte(i + 1);
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90))
      return std::nullopt;
    // XML 1.0 section 2.2 knows no U+FFFE and U+FFFF; U+0080 to U+009F are controls as well.
    if ((lead == 0xef && second == 0xbf && byte(i + 2) >= 0xbe) || (lead == 0xc2 && second < 0xa0))
      return std::nullopt;
    i += length;
  }
  return count;
}

}  // namespace

std::string_view word(Operation value) noexcept {
  return word_of(kOperations, value);
}

std::string_view word(AuthMode value) noexcept {
  return word_of(kAuthModes, value);
}

std::string_view word(KeyOrder value) noexcept {
  return word_of(kKeyOrders, value);
}

Operation operation_from(std::string_view word) {
  return value_of(kOperations, "operation", word);
}

AuthMode auth_mode_from(std::string_view word) {
  return value_of(kAuthModes, "authentication mode", word);
}

KeyOrder key_order_from(std::string_view word) {
  return value_of(kKeyOrders, "key order", word);
}

void check_device_name(std::string_view name) {
  if (is_device_name(name)) return;
  if (const auto flaw = flaw_of_mac(name)) throw Error(Code::malformed, *flaw);
  throw Error(Code::malformed,
              "the name is not a device name: SEP or ATA and 12 upper-case hexadecimal digits, or "
              "CSF, BOT, TCT, TAB and 1 to 12 letters, digits, '_', '.', '-'");
}

void check_key_sizes(int rsa_bits, int ec_bits) {
  switch (rsa_bits) {
    case 512:
    case 1024:
    case 2048:
    case 3072:
    case 4096: break;
    default: throw Error(Code::malformed, "the RSA key size must be 512, 1024, 2048, 3072 or 4096");
  }
  if (ec_bits != 256 && ec_bits != 384 && ec_bits != 521)
    throw Error(Code::malformed, "the EC key size must be 256, 384 or 521");
}

void check_text(std::string_view field, std::string_view text, std::size_t most) {
  const auto count = characters(text);
  if (!count)
    throw Error(Code::malformed,
                fmt::format("the {} must be UTF-8 text without control characters", field));
  if (*count > most)
    throw Error(Code::malformed, fmt::format("the {} has {} characters, at most {} are allowed",
                                             field, *count, most));
}

void check_phone(const Phone& phone) {
  check_device_name(phone.name);
  check_text("model", phone.model, 64);
  check_text("description", phone.description, 128);
  check_text("device pool", phone.device_pool, 50);
  check_text("security profile", phone.security_profile, 50);
  if (phone.device_pool.empty()) throw Error(Code::malformed, "the device pool must not be empty");

  const CapfSettings& capf = phone.capf;
  check_key_sizes(capf.rsa_bits, capf.ec_bits);
  if (!capf.auth_string.empty()) {
    bool right = capf.auth_string.size() >= 4 && capf.auth_string.size() <= 10;
    for (const char c : capf.auth_string) right = right && digit(c);
    if (!right) throw Error(Code::malformed, "the authentication string must be 4 to 10 digits");
  }
  if (capf.operation == Operation::none) return;
  if (capf.auth_mode == AuthMode::auth_string && capf.auth_string.empty())
    throw Error(Code::malformed,
                "the authentication mode auth-string needs an authentication string of 4 to 10 "
                "digits");
  if (!capf.completes_by)
    throw Error(Code::malformed,
                "an operation needs the time it completes by, as YYYY:MM:DD:HH in UTC");
}

bool contradicts_profile(const Phone& phone) noexcept {
  return phone.profile_mode && *phone.profile_mode != phone.capf.auth_mode;
}

void check_completes_by(Time completes_by, Time now) {
  if (completes_by > now) return;
  throw Error(Code::malformed,
              fmt::format("the time it completes by, {}, has passed: it is {} now, in UTC",
                          completes_by_text(completes_by), completes_by_text(now)));
}

Time completes_by_from(std::string_view text) {
  const auto wrong = [] {
    return Error(Code::malformed,
                 "the time an operation completes by must be YYYY:MM:DD:HH, in UTC");
  };
  if (text.size() != 13 || text[4] != ':' || text[7] != ':' || text[10] != ':') throw wrong();
  const auto number = [&](std::size_t at, std::size_t length) {
    unsigned value = 0;
    for (const char c : text.substr(at, length)) {
      if (!digit(c)) throw wrong();
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
  };
  const std::chrono::year_month_day day(std::chrono::year(static_cast<int>(number(0, 4))),
                                        std::chrono::month(number(5, 2)),
                                        std::chrono::day(number(8, 2)));
  const unsigned hour = number(11, 2);
  if (!day.ok() || day.year() < std::chrono::year(1970) || hour > 23) throw wrong();
  return std::chrono::sys_days(day) + std::chrono::hours(hour);
}

std::string completes_by_text(Time time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day day(days);
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(time - days);
  return fmt::format("{:04}:{:02}:{:02}:{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()),
                     hours.count());
}

}  // namespace ringfence::core

// A phone as the administrator knows it, and what CAPF is asked to do with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.h"

namespace ringfence::core {

/// Operation is CAPF's "Certificate Operation" (cucm-behaviour 5.1).
enum class Operation { none, install, remove, troubleshoot };

/// AuthMode is CAPF's "Authentication Mode".
enum class AuthMode { null_string, auth_string, lsc, mic };

/// KeyOrder is CAPF's "Key Order".
enum class KeyOrder { rsa_only, ec_only, ec_preferred };

/// The words of `utils phone import` and of JSON: none, install, delete, troubleshoot;
/// null-string, auth-string, lsc, mic; rsa-only, ec-only, ec-preferred.
std::string_view word(Operation value) noexcept;
std::string_view word(AuthMode value) noexcept;
std::string_view word(KeyOrder value) noexcept;

/// The way back; throws Error{malformed} that lists the words that would be right.
Operation operation_from(std::string_view word);
AuthMode auth_mode_from(std::string_view word);
KeyOrder key_order_from(std::string_view word);

/// CapfSettings is the phone page's "CAPF Information".
struct CapfSettings {
  Operation operation = Operation::none;
  AuthMode auth_mode = AuthMode::null_string;
  std::string auth_string;  ///< 4 to 10 digits, or empty. Never printed or logged.
  KeyOrder key_order = KeyOrder::rsa_only;
  int rsa_bits = 2048;               ///< 512, 1024, 2048, 3072, 4096
  int ec_bits = 384;                 ///< 256, 384, 521
  std::optional<Time> completes_by;  ///< always set while an operation is asked for
  /// request numbers what was asked; each new operation takes the next number of the instance,
  /// and what became of it stands beside it in capf.db. 0 while nothing was ever asked.
  std::int64_t request = 0;

  bool operator==(const CapfSettings&) const = default;
};

/// Phone is one device record.
struct Phone {
  std::string name;         ///< "SEP001122334455", "CSFanna", "ATA…": see check_device_name
  std::string model;        ///< "CP-8861" or empty
  std::string description;  ///< at most 128 characters
  std::string device_pool = "Default";
  std::string security_profile;  ///< a SecurityProfile's name, or empty for none
  /// profile_mode is what that profile fixes, as PhoneStore read it; it is not saved with a phone.
  /// While it is another mode than `capf.auth_mode`, no operation is carried out.
  std::optional<AuthMode> profile_mode;
  CapfSettings capf;
  std::string config_stamp;  ///< GUID; changes whenever the configuration file would change

  bool operator==(const Phone&) const = default;
};

/// check_device_name throws Error{malformed} unless core::is_device_name.
void check_device_name(std::string_view name);

/// check_phone throws Error{malformed} naming the field whose value cannot be, and what could:
/// sizes, digits of the string, an auth-string install without a string, lengths.
void check_phone(const Phone& phone);

/// contradicts_profile tells whether the phone's authentication mode is not its profile's.
bool contradicts_profile(const Phone& phone) noexcept;

/// check_completes_by throws Error{malformed} for a time that is not after `now`.
void check_completes_by(Time completes_by, Time now);

/// check_key_sizes throws Error{malformed} for a size that no phone makes.
void check_key_sizes(int rsa_bits, int ec_bits);

/// check_text throws Error{malformed} unless `text` is UTF-8 of at most `most` characters without
/// control characters; `field` names it.
void check_text(std::string_view field, std::string_view text, std::size_t most);

/// completes_by_from reads "YYYY:MM:DD:HH" (UTC); throws Error{malformed}.
Time completes_by_from(std::string_view text);
std::string completes_by_text(Time time);

}  // namespace ringfence::core

// What a session writes down for whoever asks why a phone did not get its certificate.
#pragma once

#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "services/capf/records.h"

namespace ringfence::services::capf {

/// The kinds of core::CapfEvent.
namespace evidence {
inline constexpr std::string_view kAuthStringRefused = "auth_string_refused";
inline constexpr std::string_view kAuthStringThrottled = "auth_string_throttled";
inline constexpr std::string_view kCertificateRefused = "certificate_refused";
inline constexpr std::string_view kMicUnderLscPrecedence = "mic_under_lsc_precedence";
inline constexpr std::string_view kTypeMismatch = "type_mismatch";  ///< the phone's mode is another
inline constexpr std::string_view kProfileMismatch = "profile_mismatch";
inline constexpr std::string_view kWrongKey = "wrong_key";
inline constexpr std::string_view kWeakKey = "weak_key";       ///< can be broken, or is another's
inline constexpr std::string_view kTooMany = "too_many_lscs";  ///< for one request
inline constexpr std::string_view kElsewhere = "enrolled_elsewhere";  ///< at an unknown address
inline constexpr std::string_view kAnsweredElsewhere = "answered_elsewhere";  ///< the same, no LSC
inline constexpr std::string_view kUnknownLsc = "unknown_lsc";     ///< troubleshoot showed it
inline constexpr std::string_view kKeyTooSmall = "key_too_small";  ///< for the node's policy
inline constexpr std::string_view kEcUnsupported = "ec_unsupported";
inline constexpr std::string_view kLate = "late";
inline constexpr std::string_view kRetryLater = "retry_later";
inline constexpr std::string_view kCaRejected = "ca_rejected";
inline constexpr std::string_view kLost = "lost";             ///< the connection, at work
inline constexpr std::string_view kNotStored = "not_stored";  ///< the phone refused the LSC
inline constexpr std::string_view kNotDeleted = "not_deleted";
inline constexpr std::string_view kNotShown = "not_shown";  ///< nothing to troubleshoot with

/// is_security tells the kinds that the audit log gets, none of which may be lost.
bool is_security(std::string_view kind) noexcept;
}  // namespace evidence

/// Witness writes evidence about one session's device.
class Witness {
 public:
  /// All must outlive it; `peer` is "address:port". While the phone has no name nothing is written.
  Witness(Records& records, const core::Clock& clock, const std::string& peer,
          const core::Phone& phone)
      : records_(records), clock_(clock), peer_(peer), phone_(phone) {}

  /// saw writes one event; `detail` is a sentence without secrets, cut when it is too long.
  void saw(std::string_view kind, std::string detail) const noexcept;

 private:
  Records& records_;
  const core::Clock& clock_;
  const std::string& peer_;
  const core::Phone& phone_;
};

}  // namespace ringfence::services::capf

// Whether a phone is who it says, by the mode of its record.
#include "services/capf/authentication.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"

namespace ringfence::services::capf {
namespace {

using core::AuthMode;
using core::Code;
using core::Error;
using core::Level;
using core::OperationStatus;

std::string_view name(AuthType type) {
  switch (type) {
    case AuthType::none: return "none";
    case AuthType::password: return "an authentication string";
    case AuthType::no_password: return "the null string";
    case AuthType::lsc: return "its LSC";
    case AuthType::mic: return "its MIC";
  }
  return "something else";
}

std::string_view name(AuthMode mode) {
  switch (mode) {
    case AuthMode::null_string: return "By Null String";
    case AuthMode::auth_string: return "By Authentication String";
    case AuthMode::lsc: return "By Existing Certificate (precedence to LSC)";
    case AuthMode::mic: return "By Existing Certificate (precedence to MIC)";
  }
  return "unknown";
}

/// fits tells whether a phone whose configuration has `mode` could answer with `type`.
bool fits(AuthType type, AuthMode mode) {
  switch (mode) {
    case AuthMode::null_string: return type == AuthType::none || type == AuthType::no_password;
    case AuthMode::auth_string: return type == AuthType::none || type == AuthType::password;
    case AuthMode::lsc: return type == AuthType::lsc || type == AuthType::mic;
    case AuthMode::mic: return type == AuthType::mic;
  }
  return false;
}

bool shows_certificate(const AuthResponse& response) {
  return response.certificate.has_value() || response.sudi.has_value();
}

CertificateKind kind_shown(const AuthResponse& response) {
  return response.certificate ? response.certificate->kind : CertificateKind::mic;
}

[[noreturn]] void refuse_authentication(const std::string& why) {
  throw Error(Code::refused, why);
}

}  // namespace

Authentication::Verdict Authentication::judge(const AuthResponse& response, AuthType asked) const {
  const AuthMode mode = phone_.capf.auth_mode;
  if (asked == AuthType::none && response.type && !fits(*response.type, mode)) {
    parts_.witness.saw(evidence::kTypeMismatch,
                       fmt::format("the phone authenticates by {}, its record says '{}': it has an "
                                   "older configuration file",
                                   name(*response.type), name(mode)));
  }
  switch (mode) {
    case AuthMode::null_string: return Admitted{false};
    case AuthMode::auth_string: return judge_string(response, asked);
    case AuthMode::lsc:
    case AuthMode::mic: return judge_certificate(response, asked);
  }
  return Refused{OperationStatus::invalid_credentials};
}

Authentication::Verdict Authentication::judge_string(const AuthResponse& response,
                                                     AuthType asked) const {
  if (response.password.empty()) {
    if (asked == AuthType::none) return AskFor{AuthType::password};
    if (shows_certificate(response)) {
      parts_.witness.saw(evidence::kAuthStringRefused,
                         "the phone showed a certificate where its authentication string was asked "
                         "for");
      return Refused{OperationStatus::invalid_credentials};
    }
  }
  const core::Time now = parts_.clock.now();
  if (const auto blocked =
          parts_.throttle.attempt(parts_.records, phone_.name, address_, who_, now)) {
    const std::chrono::seconds wait = blocked->until - now;
    if (blocked->first) {
      core::log(Level::warning, "CAPF_THROTTLED",
                {{"device", phone_.name}, {"address", std::string(address_)}});
      parts_.witness.saw(
          evidence::kAuthStringThrottled,
          fmt::format("too many wrong authentication strings: the next may be tried in {} seconds",
                      wait.count()));
    }
    return ComeBack{wait};
  }
  const std::string& expected = phone_.capf.auth_string;
  if (expected.empty() || !response.password.equals(core::bytes_of(expected))) {
    parts_.witness.saw(evidence::kAuthStringRefused,
                       response.password.empty()
                           ? "the phone brought no authentication string: nobody typed it in"
                           : "the phone brought a wrong authentication string");
    return Refused{OperationStatus::invalid_auth_string};
  }
  parts_.throttle.succeeded(parts_.records, phone_.name, address_, who_, now);
  return Admitted{};
}

Authentication::Verdict Authentication::judge_certificate(const AuthResponse& response,
                                                          AuthType asked) const {
  const bool by_mic = phone_.capf.auth_mode == AuthMode::mic;
  const OperationStatus missing =
      by_mic ? OperationStatus::invalid_mic : OperationStatus::invalid_lsc;
  const bool shown = shows_certificate(response);
  const bool lsc_for_mic = by_mic && shown && kind_shown(response) == CertificateKind::lsc;
  if (shown && !lsc_for_mic) return judge_shown(response, kind_shown(response));

  if (asked == AuthType::none) return AskFor{by_mic ? AuthType::mic : AuthType::lsc};
  if (!response.password.empty()) {
    parts_.witness.saw(evidence::kCertificateRefused,
                       fmt::format("the phone brought an authentication string where {} was asked "
                                   "for",
                                   name(asked)));
    return Refused{OperationStatus::invalid_credentials};
  }
  parts_.witness.saw(evidence::kCertificateRefused,
                     lsc_for_mic ? "the phone showed its LSC where its MIC was asked for"
                                 : "the phone showed no certificate: it has none that it may use");
  return Refused{missing};
}

Authentication::Verdict Authentication::judge_shown(const AuthResponse& response,
                                                    CertificateKind kind) const {
  const bool lsc = kind == CertificateKind::lsc;
  if (!lsc && phone_.capf.auth_mode == AuthMode::lsc && holds_valid_lsc()) {
    parts_.witness.saw(evidence::kMicUnderLscPrecedence,
                       "the phone showed its MIC although it holds a valid LSC and its mode gives "
                       "precedence to the LSC: if it lost that LSC, choose 'precedence to MIC'");
    return Refused{};
  }
  try {
    const auto anchors = parts_.records.anchors();
    const Credential credential =
        check_credential(response, session_, phone_.model, anchors, parts_.clock);
    if (lsc) check_journal(credential);
    return Admitted{!lsc || proves(credential)};
  } catch (const Error& error) {
    if (error.code() != Code::refused) throw;  // not the phone's fault
    parts_.witness.saw(evidence::kCertificateRefused,
                       fmt::format("the phone's {}: {}", lsc ? "LSC" : "MIC", error.what()));
    return Refused{lsc ? OperationStatus::invalid_lsc : OperationStatus::invalid_mic};
  }
}

/// check_journal refuses an LSC that the phone cannot have any more: a proof that was once recorded
/// is worth nothing after the LSC's renewal.
void Authentication::check_journal(const Credential& lsc) const {
  const auto held = parts_.records.held(phone_.name);
  if (held && held->der == lsc.der) return;
  // What somebody else took in the phone's name has not replaced what the phone itself holds.
  const auto proven = parts_.records.held_proven(phone_.name);
  if (proven && proven->der == lsc.der && held && !core::proves_phone(*held)) return;
  const auto row = parts_.records.certificate(lsc.serial);
  if (!row || row->der != lsc.der) {
    if (lsc.issuer.own) refuse_authentication("this CAPF has no record that it issued it");
    if (held) refuse_authentication("the phone has confirmed another one, which this CAPF issued");
    if (lsc.issuer.purpose != core::CapfTrustPurpose::capf)
      refuse_authentication(fmt::format(
          "{} signed it, which is no CAPF, and this node has no record of it", lsc.issuer.subject));
    return;
  }
  if (row->phone != phone_.name) refuse_authentication("it was issued to another device");
  if (row->deleted_at) refuse_authentication("the phone has confirmed that it deleted it");
  if (row->cleared_at) refuse_authentication("an administrator has deleted it from the stale LSCs");
  const bool replaced = held && row->sequence < held->sequence;
  if (!replaced && row->missing_at) return;             // it was not shown once, and here it is
  if (!replaced && core::went_elsewhere(*row)) return;  // it proves nothing, and is not the phone's
  if (replaced || row->confirmed_at) refuse_authentication("the phone has confirmed a later one");
}

/// proves tells whether an LSC was given to the phone for more than its name.
bool Authentication::proves(const Credential& lsc) const {
  const auto row = parts_.records.certificate(lsc.serial);
  return !row || row->der != lsc.der || core::proves_phone(*row);
}

bool Authentication::holds_valid_lsc() const {
  const auto held = parts_.records.held(phone_.name);
  return held && held->not_after > parts_.clock.now() &&
         !parts_.records.maybe_overwritten(phone_.name);
}

}  // namespace ringfence::services::capf

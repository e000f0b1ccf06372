// Whether the phone could say who it is.
#include <fmt/format.h>

#include "services/admin/capf/diagnosis.h"
#include "services/admin/capf/finding.h"

namespace ringfence::services::admin {

using core::AuthMode;
using core::CapfEvent;
using core::Operation;
using core::OperationStatus;

namespace {

bool by_certificate(AuthMode mode) {
  return mode == AuthMode::lsc || mode == AuthMode::mic;
}

}  // namespace

Finding check_profile_mode(const DiagnosisFacts& facts) {
  const std::string name = "Security profile";
  if (facts.phone.security_profile.empty()) return ok(name, "the phone has none");
  if (!facts.profile)
    return problem(name, {fmt::format("the phone names {}, which does not exist",
                                      facts.phone.security_profile),
                          fmt::format("'set phone device {} security_profile -'", facts.phone.name),
                          60, "the phone's security profile does not exist"});
  const auto mismatch = core::mode_mismatch(*facts.profile, facts.phone.capf.auth_mode);
  if (!mismatch)
    return ok(name, fmt::format("{} and the phone's own settings say {}", facts.profile->name,
                                word(facts.profile->auth_mode)));
  const bool needs_string =
      facts.profile->auth_mode == AuthMode::auth_string && facts.phone.capf.auth_string.empty();
  return problem(
      name,
      {*mismatch,
       fmt::format("{}, or change the profile",
                   install(facts, fmt::format("auth_mode {}{}", word(facts.profile->auth_mode),
                                              needs_string ? " auth_string ask" : ""))),
       92, "the phone's authentication mode is not that of its security profile"});
}

Finding check_phone_mode(const DiagnosisFacts& facts) {
  const std::string name = "Authentication mode";
  const std::string_view mode = word(facts.phone.capf.auth_mode);
  if (const CapfEvent* event = facts.newest("type_mismatch"))
    return problem(name, {fmt::format("the phone's record says {}: {}", mode, seen(*event)),
                          "the phone used an older configuration: " + apply_config(facts) +
                              ", or set the mode it uses",
                          91, "the phone authenticates by another mode than its record says"});
  if (facts.outcome() && facts.outcome()->status == OperationStatus::invalid_credentials)
    return problem(name, {fmt::format("the phone's record says {}, and what the phone showed was "
                                      "of another kind",
                                      mode),
                          apply_config(facts), 91,
                          "the phone showed credentials of another kind than its record says"});
  return ok(name, fmt::format("{}; the phone has not contradicted it", mode));
}

Finding check_precedence(const DiagnosisFacts& facts) {
  const std::string name = "MIC under LSC precedence";
  if (facts.phone.capf.auth_mode != AuthMode::lsc)
    return ok(name, "the mode is not by existing certificate with precedence to LSC");
  if (const CapfEvent* event = facts.newest("mic_under_lsc_precedence"))
    return problem(name, {seen(*event),
                          fmt::format("if it has lost its LSC, let it use its MIC: {}{}",
                                      install(facts, "auth_mode mic"), or_profile(facts)),
                          95, "the phone uses its MIC while the mode gives precedence to its LSC"});
  return ok(name, "the phone was not seen using its MIC");
}

Finding check_certificate_shown(const DiagnosisFacts& facts) {
  const std::string name = "Certificate shown";
  const auto outcome = facts.outcome();
  const bool failed = outcome && (outcome->status == OperationStatus::invalid_lsc ||
                                  outcome->status == OperationStatus::invalid_mic);
  if (!by_certificate(facts.phone.capf.auth_mode) && !failed)
    return ok(name, "the mode asks for none");
  const CapfEvent* event = facts.newest("certificate_refused");
  const bool mic = (outcome && outcome->status == OperationStatus::invalid_mic) ||
                   facts.phone.capf.auth_mode == AuthMode::mic;
  const std::string advice =
      fmt::format("{}; or use another mode: {}{}",
                  mic ? "if the issuer named here is the phone's manufacturer, 'set cert import "
                        "trust CAPF purpose mic' with the issuer's certificate"
                      : "if the issuer named here is a CAPF that you believe, 'set cert import "
                        "trust CAPF purpose capf' with its certificate",
                  install(facts, "auth_mode null-string"), or_profile(facts));
  if (event != nullptr)
    return problem(name, {seen(*event), advice, 94, "CAPF refused the phone's certificate"});
  if (failed)
    return problem(name, {core::describe(outcome->operation, outcome->status), advice, 94,
                          "CAPF refused the phone's certificate"});
  if (facts.phone.capf.auth_mode == AuthMode::lsc && !facts.state.held)
    return unknown(name,
                   "no LSC of this phone is known here, so it must show its MIC, whose CA "
                   "must be in CAPF-trust");
  return ok(name, "none was refused");
}

Finding check_auth_string(const DiagnosisFacts& facts) {
  const std::string name = "Authentication string";
  const core::CapfSettings& capf = facts.phone.capf;
  if (capf.auth_mode != AuthMode::auth_string) return ok(name, "the mode asks for none");
  const CapfEvent* throttled = facts.newest("auth_string_throttled");
  const CapfEvent* refused = facts.newest("auth_string_refused");
  const auto outcome = facts.outcome();
  const bool failed = outcome && outcome->status == OperationStatus::invalid_auth_string;
  const std::string advice = fmt::format(
      "type the right string into the phone, or set another: 'set phone capf {} operation {} "
      "auth_string ask'",
      facts.phone.name,
      word(capf.operation == Operation::none ? Operation::install : capf.operation));
  if (throttled != nullptr)
    return problem(name, {seen(*throttled), "wait until attempts are allowed again; " + advice, 97,
                          "too many wrong authentication strings, further attempts have to wait"});
  if (refused != nullptr || failed)
    return problem(name, {refused != nullptr ? seen(*refused)
                                             : core::describe(outcome->operation, outcome->status),
                          advice, 96, "the phone sent a wrong authentication string"});
  const auto least = static_cast<std::size_t>(facts.policy.min_auth_string_digits);
  if (facts.waits() && !capf.auth_string.empty() && capf.auth_string.size() < least)
    return problem(
        name, {fmt::format("it is set, and shorter than this node's least of {} digits", least),
               advice, 12, "the authentication string is short"});
  if (facts.waits()) {
    Finding waiting = unknown(name,
                              "it is set; the phone waits until a user types it into its security "
                              "settings, which cannot be seen here",
                              advice);
    waiting.cause = "a user has to type the authentication string into the phone";
    return waiting;
  }
  return ok(name, "it is set");
}

}  // namespace ringfence::services::admin

#include "services/admin/capf/diagnosis.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "services/admin/node/service_health.h"

namespace ringfence::services::admin {

using core::AuthMode;
using core::CapfEvent;
using core::Operation;
using core::OperationStatus;
using core::Time;

namespace {

constexpr std::chrono::days kSoon(30);
constexpr std::chrono::minutes kClockSlack(10);

Finding ok(std::string name, std::string evidence) {
  return {{std::move(name), "ok", std::move(evidence), ""}, 0, ""};
}

Finding unknown(std::string name, std::string evidence, std::string advice = "") {
  return {{std::move(name), "unknown", std::move(evidence), std::move(advice)}, 0, ""};
}

/// Problem is what a problem's finding needs besides its name.
struct Problem {
  std::string evidence;
  std::string advice;
  int weight = 0;
  std::string cause;
};

Finding problem(std::string name, Problem what) {
  return {{std::move(name), "problem", std::move(what.evidence), std::move(what.advice)},
          what.weight,
          std::move(what.cause)};
}

std::string at(Time time) {
  return core::to_iso(time);
}

/// seen lays out an event: what, when, from where.
std::string seen(const CapfEvent& event) {
  return fmt::format("{} ({}, from {})", event.detail, at(event.at), event.peer);
}

/// told names the command that makes the phone fetch anew; none reaches one that is not registered.
std::string told(const DiagnosisFacts& facts, std::string_view command) {
  if (facts.registration) return fmt::format("'utils phone {} {}'", command, facts.phone.name);
  return "take its power away and give it back (it is not registered, so no command reaches it)";
}

std::string apply_config(const DiagnosisFacts& facts) {
  return told(facts, "apply-config");
}

std::string reset(const DiagnosisFacts& facts) {
  return told(facts, "reset");
}

/// install asks for a new LSC, whatever was asked last.
std::string install(const DiagnosisFacts& facts, std::string_view terms = "") {
  return fmt::format("'set phone capf {} operation install{}{}'", facts.phone.name,
                     terms.empty() ? "" : " ", terms);
}

/// or_profile reminds of the profile, without which another mode is of no use.
std::string_view or_profile(const DiagnosisFacts& facts) {
  return facts.profile ? ", and the same mode in its security profile" : "";
}

std::string ask_again(const DiagnosisFacts& facts) {
  return fmt::format(
      "'set phone capf {} operation {}'", facts.phone.name,
      word(facts.phone.capf.operation == Operation::none ? Operation::install
                                                         : facts.phone.capf.operation));
}

bool by_certificate(AuthMode mode) {
  return mode == AuthMode::lsc || mode == AuthMode::mic;
}

Finding service_check(std::string name, const ServiceState& service, int weight,
                      std::string_view consequence) {
  std::string evidence = service.name + " is " + service.state;
  if (!service.reason.empty()) evidence += " (" + service.reason + ")";
  if (service.state == "STARTED") return ok(std::move(name), evidence);
  return problem(std::move(name),
                 {evidence + ": " + std::string(consequence),
                  fmt::format("'utils service {} {}'",
                              service.state == kNotResponding ? "restart" : "start", service.name),
                  weight, fmt::format("{} is {}", service.name, service.state)});
}

std::string when_fetched(const core::Fetch& fetch) {
  return fmt::format("{} fetched {} at {} from this node", fetch.peer, fetch.file, at(fetch.at));
}

}  // namespace

std::optional<core::Outcome> DiagnosisFacts::outcome() const {
  if (state.last && state.last->request == phone.capf.request) return state.last;
  return std::nullopt;
}

OperationStatus DiagnosisFacts::status() const {
  return core::status_of(phone, outcome(), now);
}

bool DiagnosisFacts::waits() const {
  return phone.capf.operation != Operation::none && status() != OperationStatus::success;
}

/// older_than_request judges an event of an earlier version, which noted no request: one before the
/// phone's LSC, or of a phone that has not yet fetched what is asked now, is of an earlier request.
bool DiagnosisFacts::older_than_request(const CapfEvent& event) const {
  if (state.held && state.held->confirmed_at && event.at < *state.held->confirmed_at) return true;
  return config && config->stamp != phone.config_stamp && !outcome();
}

const CapfEvent* DiagnosisFacts::newest(std::string_view kind) const {
  if (status() == OperationStatus::success) return nullptr;
  for (const CapfEvent& event : events) {  // in the order in which they were written
    if (event.kind != kind) continue;
    if (event.request == 0 ? older_than_request(event) : event.request != phone.capf.request)
      return nullptr;
    // Two daemons wrote these, so there is only the clock to tell which came first: a wide slack,
    // and a clock that was set back hides an event that the phone brings about again.
    if (config && config->stamp == phone.config_stamp && event.at < config->at - kClockSlack)
      return nullptr;
    return &event;
  }
  return nullptr;
}

Finding check_operation(const DiagnosisFacts& facts) {
  const std::string name = "Operation";
  const core::CapfSettings& capf = facts.phone.capf;
  const auto outcome = facts.outcome();
  const OperationStatus status = facts.status();
  const Operation operation = outcome ? outcome->operation : capf.operation;
  std::string evidence = core::describe(operation, status);
  if (outcome) evidence += " since " + at(outcome->at);
  switch (status) {
    case OperationStatus::none:
      return ok(
          name,
          "CAPF is asked to do nothing with this phone" +
              std::string(facts.state.held ? "" : "; " + install(facts) + " would ask for an LSC"));
    case OperationStatus::pending:
    case OperationStatus::success:
    case OperationStatus::late: return ok(name, evidence);
    case OperationStatus::failed:
    case OperationStatus::invalid_lsc:
    case OperationStatus::invalid_auth_string:
    case OperationStatus::invalid_mic:
    case OperationStatus::invalid_credentials:
    case OperationStatus::communication_failure:
    case OperationStatus::key_generation_failed:
    case OperationStatus::ca_communication_failure:
    case OperationStatus::ca_rejected:
    case OperationStatus::ec_unsupported:
    case OperationStatus::unproven: break;
  }
  if (status == OperationStatus::ec_unsupported)
    return problem(name, {evidence, install(facts, "key_order ec-preferred") + ", or rsa-only", 98,
                          "the phone cannot make an EC key for CAPF"});
  if (status == OperationStatus::unproven)
    return problem(
        name, {fmt::format("{} (from {}); the operation stays open for the phone itself", evidence,
                           core::address_text(outcome->peer)),
               "choose an authentication string, or precedence to MIC, for it, also when it "
               "is the phone and has moved; then " +
                   ask_again(facts) + " and " + apply_config(facts),
               96, "somebody did CAPF's operation in the phone's name from another address"});
  if (status == OperationStatus::ca_communication_failure || status == OperationStatus::ca_rejected)
    return problem(name, {evidence, "see 'show hsm', mend that, then " + ask_again(facts), 70,
                          "CAPF could not sign when the phone asked"});
  return problem(name, {evidence + "; the phone may try again until the operation's time is over",
                        "see the problems below; then " + apply_config(facts), 10,
                        "the phone's last try failed"});
}

Finding check_deadline(const DiagnosisFacts& facts) {
  const std::string name = "Operation Completes By";
  const core::CapfSettings& capf = facts.phone.capf;
  if (capf.operation == Operation::none || !capf.completes_by)
    return ok(name, "no operation is asked for");
  const std::string text = core::completes_by_text(*capf.completes_by) + " (UTC)";
  const std::string now = "it is " + core::completes_by_text(facts.now) + " now";
  if (facts.status() == OperationStatus::success) return ok(name, text + ", and it is done");
  if (facts.now >= *capf.completes_by || facts.status() == OperationStatus::late)
    return problem(
        name, {fmt::format("{} has passed; {}", text, now),
               "ask again with a time at least an hour ahead: " + ask_again(facts) + ", then " +
                   apply_config(facts),
               100, fmt::format("the time it had to be completed by, {}, has passed", text)});
  if (*capf.completes_by - facts.now < std::chrono::hours(1))
    return problem(name, {fmt::format("{} is less than an hour away; {}", text, now),
                          "phones may need longer to make a key: " + ask_again(facts), 35,
                          "the time it has to be completed by is less than an hour away"});
  return ok(name, text + ", " + now);
}

Finding check_capf_service(const DiagnosisFacts& facts) {
  return service_check("CAPF service", facts.capf, 90,
                       "the phone shows \"LSC: Connection Failed\"");
}

Finding check_capf_port(const DiagnosisFacts& facts) {
  const std::string name = "CAPF port";
  const PortAnswer& port = facts.port;
  const bool started = facts.capf.state == "STARTED" || facts.capf.state == kNotResponding;
  if (!port.connected)
    return problem(name, {fmt::format("nothing answers on {}: {}", port.address, port.error),
                          fmt::format("'utils service {} Cisco Certificate Authority Proxy "
                                      "Function'; if that is no help, see its log",
                                      started ? "restart" : "start"),
                          88, "nothing answers on CAPF's port"});
  if (!port.shook_hands)
    return problem(name, {fmt::format("{} takes connections but no TLS handshake: {}", port.address,
                                      port.error),
                          "see 'show hsm': a handshake needs the token's signature", 87,
                          "CAPF cannot complete a TLS handshake"});
  if (port.certificate != facts.capf_certificate)
    return problem(name, {port.address + " shows another certificate than this node's CAPF "
                                         "certificate",
                          "'utils service restart Cisco Certificate Authority Proxy Function'", 86,
                          "CAPF still shows an old certificate"});
  return ok(name, port.address +
                      " answers from this node with the current CAPF certificate; "
                      "whether the phone's network lets it through cannot be seen here");
}

Finding check_capf_certificate(const DiagnosisFacts& facts) {
  const std::string name = "CAPF certificate";
  if (!facts.capf_until)
    return problem(name,
                   {"this node has none yet", "see 'show hsm'", 85, "CAPF has no certificate yet"});
  const std::string until =
      fmt::format("{} is valid until {}", facts.capf_subject, at(*facts.capf_until));
  if (*facts.capf_until < facts.now)
    return problem(name, {facts.capf_subject + " expired at " + at(*facts.capf_until),
                          "'set cert regen CAPF'", 85, "the CAPF certificate has expired"});
  if (*facts.capf_until - facts.now < kSoon)
    return problem(name, {until + ": LSCs issued now end then, too",
                          "'set cert regen CAPF' before LSCs are installed", 20,
                          "the CAPF certificate is about to expire"});
  const core::Time wanted = facts.now + std::chrono::days(facts.policy.validity_days);
  if (wanted - *facts.capf_until >= std::chrono::days(1))
    return ok(name, until + "; LSCs issued now end then, before validity_days are over");
  return ok(name, until);
}

Finding check_token(const DiagnosisFacts& facts) {
  if (facts.token_problem.empty()) return ok("Token", "it can sign");
  return problem("Token", {facts.token_problem, "see 'show hsm'", 89,
                           "nothing can be signed: " + facts.token_problem});
}

Finding check_registration(const DiagnosisFacts& facts) {
  const std::string name = "Registration";
  if (facts.registration)
    return ok(name, fmt::format("registered from {} since {}", facts.registration->peer,
                                at(facts.registration->registered_at)));
  return problem(name, {"the phone is not registered, so it cannot be told to fetch its "
                        "configuration",
                        "see that it has power and reaches this node; a phone that starts goes to "
                        "CAPF by itself",
                        64, "the phone is not registered"});
}

Finding check_configuration(const DiagnosisFacts& facts) {
  const std::string name = "Configuration";
  if (!facts.config)
    return unknown(name, "no fetch of its configuration from this node is known", reset(facts));
  if (facts.config->stamp == facts.phone.config_stamp)
    return ok(name, when_fetched(*facts.config) + ", as it is now");
  const std::string evidence =
      when_fetched(*facts.config) + "; the phone's record has changed since";
  if (!facts.waits()) return ok(name, evidence);
  return problem(name, {evidence, apply_config(facts), 68,
                        "the phone has not fetched its configuration since the operation was "
                        "asked"});
}

Finding check_served_itl(const DiagnosisFacts& facts) {
  const std::string name = "Served ITL";
  if (facts.served.state == "verified") return ok(name, "verified, SHA-1 " + facts.served.sha1);
  return problem(name, {fmt::format("the ITL file on this node is {}{}", facts.served.state,
                                    facts.served.error.empty() ? "" : ": " + facts.served.error),
                        "'utils itl reset localkey', or 'utils service restart Cisco Tftp'; then "
                        "reset the phones",
                        76, "the ITL file on this node is " + facts.served.state});
}

Finding check_phone_itl(const DiagnosisFacts& facts) {
  const std::string name = "ITL of the phone";
  if (!facts.itl)
    return unknown(name, "no fetch of an ITL from this node is known",
                   "compare the checksum on the phone with 'show itl'");
  if (facts.trust.acceptance == core::Acceptance::accepted)
    return ok(name, "it believes the one that is served now: it " + facts.trust.evidence);
  if (facts.trust.acceptance == core::Acceptance::refused)
    return problem(
        name, {"it fetched the one that is served now and refused it: it " + facts.trust.evidence,
               "see with 'utils service list' that Cisco Trust Verification Service is "
               "STARTED, then 'utils phone reset " +
                   facts.phone.name + "'; if it refuses again, 'utils itl reset localkey'",
               83, "the phone refused the ITL that is served"});
  if (facts.itl->sha1 == facts.served.sha1)
    return unknown(name,
                   when_fetched(*facts.itl) +
                       ", the one that is served now, but it is not "
                       "proven to believe it: it " +
                       facts.trust.evidence,
                   "compare the checksum on the phone with 'show itl'");
  return problem(
      name,
      {fmt::format("{}, SHA-1 {}{}; SHA-1 {} is served now", when_fetched(*facts.itl),
                   facts.itl->sha1,
                   facts.fetched.known ? " (published at the " + facts.fetched.reason + ")" : "",
                   facts.served.sha1.empty() ? "nothing of that kind" : facts.served.sha1),
       reset(facts) +
           ", so that it fetches the ITL; if it refuses the list, 'utils itl reset localkey'",
       75, "the phone's ITL is not the one that is served"});
}

Finding check_capf_entry(const DiagnosisFacts& facts) {
  const std::string name = "CAPF in the phone's ITL";
  if (!facts.itl) return unknown(name, "no fetch of an ITL from this node is known");
  if (!facts.fetched.known)
    return unknown(name, fmt::format("the list it fetched (SHA-1 {}) is not among those kept here",
                                     facts.itl->sha1));
  if (!facts.fetched.problem.empty())
    return unknown(name, "the list it fetched cannot be read: " + facts.fetched.problem);
  if (facts.trust.acceptance == core::Acceptance::refused)
    return unknown(name, "the phone refused the list that it fetched, which names " +
                             (facts.fetched.has_capf ? facts.fetched.capf_subject : "no CAPF") +
                             "; what the older list that it holds names is not known");
  if (facts.fetched.has_capf)
    return ok(name, "the list it fetched names " + facts.fetched.capf_subject);
  return problem(name, {"the list it fetched has no record with the function CAPF: the phone shows "
                        "\"No valid CAPF server\"",
                        "'utils service restart Cisco Tftp', see with 'show itl' that CAPF is in "
                        "it, then " +
                            reset(facts),
                        82, "the ITL that the phone fetched has no CAPF entry"});
}

Finding check_capf_entry_certificate(const DiagnosisFacts& facts) {
  const std::string name = "CAPF certificate in the phone's ITL";
  if (!facts.fetched.known || !facts.fetched.has_capf)
    return unknown(name, "no CAPF entry of the phone is known");
  if (facts.trust.acceptance == core::Acceptance::refused)
    return unknown(name, "the phone holds an older list than the one that it refused");
  if (facts.fetched.current_capf) return ok(name, "it is the one that CAPF uses");
  return problem(name, {fmt::format("the list it fetched names {}, CAPF uses {}: the phone shows "
                                    "\"LSC: Connection Failed\"",
                                    facts.fetched.capf_subject, facts.capf_subject),
                        reset(facts) + ", so that it fetches the ITL", 80,
                        "the phone's ITL names another CAPF certificate than CAPF uses"});
}

Finding check_tftp_service(const DiagnosisFacts& facts) {
  return service_check("TFTP service", facts.tftp, 74,
                       "the phone can fetch neither configuration nor ITL");
}

Finding check_tvs_service(const DiagnosisFacts& facts) {
  return service_check("TVS service", facts.tvs, 45,
                       "a phone cannot ask about a signer that its ITL does not name");
}

Finding check_name(const DiagnosisFacts& facts) {
  const std::string name = "Name";
  std::string evidence =
      fmt::format("phones are told the address {} in their configuration, which needs no name",
                  facts.advertised);
  bool resolves = facts.names.empty();
  bool right = facts.names.empty();
  for (const NameAnswer& answer : facts.names) {
    const bool here =
        std::ranges::find(answer.addresses, facts.advertised) != answer.addresses.end();
    resolves = resolves || !answer.addresses.empty();
    right = right || here;
    evidence += answer.addresses.empty()
                    ? fmt::format("; {} does not resolve here ({})", answer.name, answer.error)
                    : fmt::format("; {} resolves here to {}", answer.name,
                                  fmt::join(answer.addresses, ", "));
  }
  if (right) return ok(name, evidence + "; how the phone's DNS answers cannot be seen here");
  if (!resolves)
    return problem(
        name, {evidence + "; a phone that shows CAPF by this name in its security "
                          "settings cannot find it if its DNS says the same",
               "enter the name into the phones' DNS", 30, "this node's name does not resolve"});
  return unknown(name, evidence + fmt::format("; not to {}, which is right only where phones reach "
                                              "it there too",
                                              facts.advertised));
}

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

Finding check_key(const DiagnosisFacts& facts) {
  const std::string name = "Key";
  const core::CapfSettings& capf = facts.phone.capf;
  const std::string larger = capf.key_order == core::KeyOrder::rsa_only
                                 ? fmt::format("rsa_bits {}", facts.policy.min_rsa_bits)
                                 : fmt::format("rsa_bits {} ec_bits {}", facts.policy.min_rsa_bits,
                                               facts.policy.min_ec_bits);
  try {
    core::check_minimum_sizes(capf, facts.policy);
  } catch (const std::exception& error) {
    if (facts.waits())
      return problem(name, {error.what(), "ask for a larger key: " + install(facts, larger), 93,
                            "the key that the phone is asked for is below this node's minimum"});
  }
  if (const CapfEvent* event = facts.newest("key_too_small"))
    return problem(name, {seen(*event), "ask for a larger key: " + install(facts, larger), 93,
                          "the phone's key is below this node's minimum"});
  if (const CapfEvent* event = facts.newest("weak_key"))
    return problem(name, {seen(*event),
                          "bring the phone's firmware up to date, or let it make an EC key: " +
                              install(facts, "key_order ec-only"),
                          93, "the phone's key is weak, or another's"});
  if (const CapfEvent* event = facts.newest("wrong_key"))
    return problem(name, {seen(*event),
                          "the phone does not make such keys: set another key_order "
                          "or size",
                          90, "the phone made another key than it was asked for"});
  const auto outcome = facts.outcome();
  if (outcome && outcome->status == OperationStatus::key_generation_failed)
    return problem(name, {"the phone made no key in time",
                          "ask for a smaller key, or when the "
                          "phone is idle: " +
                              install(facts, "rsa_bits 2048"),
                          88, "the phone made no key in time"});
  return ok(name,
            fmt::format("{}, RSA {}, EC {}", word(capf.key_order), capf.rsa_bits, capf.ec_bits));
}

Finding check_conversation(const DiagnosisFacts& facts) {
  const std::string name = "Last conversation";
  constexpr std::array<std::string_view, 6> kKinds = {"too_many_lscs", "not_stored", "not_deleted",
                                                      "not_shown",     "lost",       "retry_later"};
  for (const std::string_view kind : kKinds) {
    const CapfEvent* event = facts.newest(kind);
    if (event == nullptr || !facts.waits()) continue;
    if (kind == "too_many_lscs")
      return problem(name, {seen(*event), "find out why none was stored, then " + ask_again(facts),
                            58, "too many LSCs were issued for this request"});
    if (kind == "retry_later")
      return problem(
          name, {seen(*event), "the phone tries three more times, then " + apply_config(facts), 54,
                 "CAPF told the phone to come back later"});
    if (kind == "lost")
      return problem(name, {seen(*event),
                            "see that its network keeps idle connections ('utils "
                            "capf set keep_alive'), then " +
                                apply_config(facts),
                            56, "the phone's connection ended in the middle of the operation"});
    return problem(name, {seen(*event),
                          apply_config(facts) + "; if it fails again, look at the phone's "
                                                "Status Messages",
                          57, "the phone could not do what it was asked"});
  }
  if (!facts.events.empty()) return ok(name, "last event: " + seen(facts.events.front()));
  if (facts.state.last)
    return ok(name,
              fmt::format("{} at {}",
                          core::describe(facts.state.last->operation, facts.state.last->status),
                          at(facts.state.last->at)));
  return facts.waits() ? unknown(name, "CAPF has not heard of this phone yet")
                       : ok(name, "there was none");
}

Finding check_offline_ca(const DiagnosisFacts& facts) {
  const std::string name = "Offline CA";
  if (!facts.state.csr) {
    return ok(name, facts.policy.issuer == core::LscIssuer::offline_ca
                        ? "LSCs are signed elsewhere; no CSR of this phone waits"
                        : "LSCs are signed by this node's CAPF");
  }
  const core::PendingCsr& csr = *facts.state.csr;
  if (csr.serial)
    return ok(name, fmt::format("the certificate for its CSR of {} was imported; the phone takes "
                                "it when it comes next: {}",
                                at(csr.created), apply_config(facts)));
  return problem(name, {fmt::format("its CSR ({}) of {} waits for the offline CA's certificate",
                                    csr.key, at(csr.created)),
                        "'utils capf csr dump', have it signed, 'utils capf cert import'", 99,
                        "its CSR waits for the offline CA's certificate"});
}

Finding check_stale(const DiagnosisFacts& facts) {
  const std::string name = "Stale LSC";
  const std::size_t stale = facts.state.stale(facts.now);
  if (stale == 0) return ok(name, "none");
  const core::IssuedCertificate& last = facts.state.unconfirmed.front();
  return problem(name,
                 {fmt::format("{} issued and never confirmed, the last one, serial {}, at {}",
                              stale == 1 ? "an LSC was" : fmt::format("{} LSCs were", stale),
                              core::to_hex(last.serial, core::Case::upper), at(last.issued_at)),
                  fmt::format("'utils capf stale-lsc list'; {} makes a new one, 'utils capf "
                              "stale-lsc delete {}' clears the list",
                              install(facts), facts.phone.name),
                  25, "an LSC was issued, and the phone never confirmed that it stored it"});
}

Finding check_lsc(const DiagnosisFacts& facts) {
  const std::string name = "LSC";
  if (const auto& shown = facts.state.shown; shown && !shown->serial.empty())
    return problem(name,
                   {fmt::format("at {} the phone showed one that is not on record here: {}, "
                                "serial {}, issued by {}",
                                at(shown->at), shown->subject,
                                core::to_hex(shown->serial, core::Case::upper), shown->issuer),
                    install(facts) + " gives it one of this node", 21,
                    "the phone has an LSC that this node did not issue"});
  if (facts.state.shown)
    return ok(name,
              fmt::format("at {} the phone showed that it has none", at(facts.state.shown->at)));
  if (!facts.state.held) return ok(name, "the phone holds none that this node knows");
  const core::IssuedCertificate& lsc = *facts.state.held;
  const std::string text = fmt::format("serial {}, {}, issued by {}, until {}",
                                       core::to_hex(lsc.serial, core::Case::upper), lsc.key,
                                       lsc.issuer, at(lsc.not_after));
  if (lsc.not_after < facts.now)
    return problem(name,
                   {text + ": it has expired", install(facts), 22, "the phone's LSC has expired"});
  if (lsc.not_after - facts.now < std::chrono::days(facts.policy.notify_days))
    return problem(name, {text + ": it is about to expire", install(facts), 15,
                          "the phone's LSC is about to expire"});
  return ok(name, text);
}

core::admin::CapfStatus diagnose(const DiagnosisFacts& facts) {
  constexpr std::array<Check, 25> kChecks = {check_operation,
                                             check_deadline,
                                             check_registration,
                                             check_configuration,
                                             check_phone_itl,
                                             check_capf_entry,
                                             check_capf_entry_certificate,
                                             check_served_itl,
                                             check_capf_service,
                                             check_capf_port,
                                             check_capf_certificate,
                                             check_token,
                                             check_tftp_service,
                                             check_tvs_service,
                                             check_name,
                                             check_profile_mode,
                                             check_phone_mode,
                                             check_auth_string,
                                             check_precedence,
                                             check_certificate_shown,
                                             check_key,
                                             check_conversation,
                                             check_offline_ca,
                                             check_stale,
                                             check_lsc};
  std::vector<Finding> findings;
  for (const Check check : kChecks) findings.push_back(check(facts));

  const auto outcome = facts.outcome();
  const OperationStatus status = facts.status();
  core::admin::CapfStatus result;
  result.name = facts.phone.name;
  result.operation =
      word(status == OperationStatus::success ? Operation::none : facts.phone.capf.operation);
  result.operation_status =
      core::describe(outcome ? outcome->operation : facts.phone.capf.operation, status);
  const Finding* likely = nullptr;
  for (const Finding& finding : findings) {
    if (finding.check.finding != "problem") continue;
    ++result.problems;
    if (likely == nullptr || finding.weight > likely->weight) likely = &finding;
  }
  for (const Finding& finding : findings)  // where nothing is wrong, what is only waited for
    if (likely == nullptr && !finding.cause.empty()) likely = &finding;
  result.summary = fmt::format("{}: {}.", facts.phone.name, result.operation_status);
  if (facts.waits()) {
    result.summary += likely == nullptr
                          ? " Nothing that this node can see stands in the way: wait, or see the "
                            "phone's Status Messages."
                          : fmt::format(" Most likely: {}.", likely->cause);
  } else {
    result.summary += " Nothing is to be done by the phone.";
    if (likely != nullptr) result.summary += fmt::format(" To look at: {}.", likely->cause);
  }
  for (Finding& finding : findings) result.checks.push_back(std::move(finding.check));
  return result;
}

}  // namespace ringfence::services::admin

// What was asked of the phone, and how far that came.
#include <array>

#include <fmt/format.h>

#include "services/admin/capf/diagnosis.h"
#include "services/admin/capf/finding.h"

namespace ringfence::services::admin {

using core::CapfEvent;
using core::Operation;
using core::OperationStatus;

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

}  // namespace ringfence::services::admin

// Whether the phone is there, has its files, and believes this node.
#include <fmt/format.h>

#include "services/admin/capf/diagnosis.h"
#include "services/admin/capf/finding.h"

namespace ringfence::services::admin {

namespace {

std::string when_fetched(const core::Fetch& fetch) {
  return fmt::format("{} fetched {} at {} from this node", fetch.peer, fetch.file, at(fetch.at));
}

}  // namespace

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

}  // namespace ringfence::services::admin

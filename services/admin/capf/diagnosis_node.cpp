// Whether this node can serve the phone: services, port, certificate, token, name.
#include <algorithm>

#include <fmt/format.h>

#include "services/admin/capf/diagnosis.h"
#include "services/admin/capf/finding.h"
#include "services/admin/node/service_health.h"

namespace ringfence::services::admin {

namespace {

constexpr std::chrono::days kNodeEndsSoon(30);

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

}  // namespace

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
  if (*facts.capf_until - facts.now < kNodeEndsSoon)
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

}  // namespace ringfence::services::admin

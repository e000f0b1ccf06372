#include "services/admin/capf/finding.h"

#include <utility>

#include <fmt/format.h>

#include "services/admin/capf/diagnosis.h"

namespace ringfence::services::admin {

using core::Operation;

namespace {

/// told names the command that makes the phone fetch anew; none reaches one that is not registered.
std::string told(const DiagnosisFacts& facts, std::string_view command) {
  if (facts.registration) return fmt::format("'utils phone {} {}'", command, facts.phone.name);
  return "take its power away and give it back (it is not registered, so no command reaches it)";
}

}  // namespace

Finding ok(std::string name, std::string evidence) {
  return {{std::move(name), "ok", std::move(evidence), ""}, 0, ""};
}

Finding unknown(std::string name, std::string evidence, std::string advice) {
  return {{std::move(name), "unknown", std::move(evidence), std::move(advice)}, 0, ""};
}

Finding problem(std::string name, Problem what) {
  return {{std::move(name), "problem", std::move(what.evidence), std::move(what.advice)},
          what.weight,
          std::move(what.cause)};
}

std::string at(core::Time time) {
  return core::to_iso(time);
}

std::string seen(const core::CapfEvent& event) {
  return fmt::format("{} ({}, from {})", event.detail, at(event.at), event.peer);
}

std::string apply_config(const DiagnosisFacts& facts) {
  return told(facts, "apply-config");
}

std::string reset(const DiagnosisFacts& facts) {
  return told(facts, "reset");
}

std::string install(const DiagnosisFacts& facts, std::string_view terms) {
  return fmt::format("'set phone capf {} operation install{}{}'", facts.phone.name,
                     terms.empty() ? "" : " ", terms);
}

std::string ask_again(const DiagnosisFacts& facts) {
  return fmt::format(
      "'set phone capf {} operation {}'", facts.phone.name,
      word(facts.phone.capf.operation == Operation::none ? Operation::install
                                                         : facts.phone.capf.operation));
}

std::string_view or_profile(const DiagnosisFacts& facts) {
  return facts.profile ? ", and the same mode in its security profile" : "";
}

}  // namespace ringfence::services::admin

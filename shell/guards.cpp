#include "shell/guards.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "shell/parameters.h"
#include "shell/words.h"

namespace ringfence::shell {

using core::admin::Guard;

namespace {

constexpr std::size_t kNamed = 3;

std::string names_text(const Guard& guard) {
  std::vector<std::string> names = guard.names;
  if (names.size() > kNamed) names.resize(kNamed);
  const std::int64_t more = guard.phones - static_cast<std::int64_t>(names.size());
  return join(names, ", ") + (more > 0 ? fmt::format(" and {} more", more) : "");
}

/// without_reasons leaves the first and the last line of a refusal: the reasons between them stood
/// in the warnings already.
std::string without_reasons(const std::string& message) {
  const std::size_t first = message.find('\n');
  return first == message.npos ? message
                               : message.substr(0, first) + message.substr(message.rfind('\n'));
}

}  // namespace

Parameter force_parameter() {
  Parameter force =
      named("force", "the number of phones that the refusal named: do it all the same");
  force.kind = Kind::integer;
  force.least = 1;
  return force;
}

std::string guards_text(const std::vector<Guard>& guards) {
  std::string text;
  for (const Guard& guard : guards)
    text += fmt::format("WARNING: {} This would strand {}: {}. {}\n", guard.why,
                        counted(guard.phones, "phone"), names_text(guard), guard.cure);
  return text;
}

Status Refusal::tell(Call& call) const {
  if (call.session.output == Output::text) {
    throw core::Error(core::Code::refused, guards.empty() ? message : without_reasons(message));
  }
  call.document({{"error", {{"code", name(core::Code::refused)}, {"message", message}}},
                 {"guards", boost::json::value_from(guards)},
                 {"stranded", stranded}});
  return Status::failed;
}

}  // namespace ringfence::shell

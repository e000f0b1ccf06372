#include "services/admin/capf/phone_warnings.h"

#include <chrono>

#include <fmt/format.h>

namespace ringfence::services::admin {

std::vector<std::string> warnings_of(const core::Phone& phone, const core::CapfPolicy& policy,
                                     core::Time now) {
  constexpr std::chrono::hours kHardlyTime(1);
  const core::CapfSettings& capf = phone.capf;
  std::vector<std::string> warnings;
  if (!capf.auth_string.empty() &&
      capf.auth_string.size() < static_cast<std::size_t>(policy.min_auth_string_digits))
    warnings.push_back(fmt::format(
        "The authentication string of {} has {} digits, this node's least is {}: set a longer one.",
        phone.name, capf.auth_string.size(), policy.min_auth_string_digits));
  if (core::contradicts_profile(phone))
    warnings.push_back(fmt::format(
        "{} has the authentication mode {}, and its security profile fixes {}: CAPF refuses the "
        "phone until they agree.",
        phone.name, word(capf.auth_mode), word(*phone.profile_mode)));
  if (capf.operation == core::Operation::none || !capf.completes_by) return warnings;
  const auto left = *capf.completes_by - now;
  if (left > std::chrono::seconds(0) && left < kHardlyTime)
    warnings.push_back(
        fmt::format("The operation of {} has to complete by {}, in {} min: phones may need longer.",
                    phone.name, core::completes_by_text(*capf.completes_by),
                    std::chrono::floor<std::chrono::minutes>(left).count()));
  return warnings;
}

}  // namespace ringfence::services::admin

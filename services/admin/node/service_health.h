// Whether services that run answer: one that hangs is not called started.
#pragma once

#include <string_view>
#include <vector>

#include "core/config/config.h"
#include "services/admin/node/service_control.h"

namespace ringfence::services::admin {

/// kNotResponding is the state of a service whose process runs and does not answer.
inline constexpr std::string_view kNotResponding = "NOT RESPONDING";

/// responds asks a service on its control socket; it has 3 s.
bool responds(const core::Config& config, const Service& service) noexcept;

/// with_health gives each service that is STARTED and does not respond the state kNotResponding and
/// the cure. All are asked at the same time.
std::vector<core::admin::ServiceFacts> with_health(const core::Config& config,
                                                   std::vector<core::admin::ServiceFacts> services);

}  // namespace ringfence::services::admin

// Asking ringfence-callmanager to reset phones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/config.h"

namespace ringfence::services::admin {

/// request_reset has the registrar send NOTIFYs of `kind` ("reset", "restart", "apply-config") to
/// `devices`; what became of them stands in callmanager.db under `id`. Returns the devices that
/// could not be asked: not registered, or their connection has ended. Throws Error{io} when
/// Cisco CallManager does not answer.
std::vector<std::string> request_reset(const core::Config& config, std::int64_t id,
                                       const std::string& kind,
                                       const std::vector<std::string>& devices);

}  // namespace ringfence::services::admin

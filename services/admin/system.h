// What `show status` and `show version active` say about the machine.
#pragma once

#include "core/admin/api.h"
#include "services/admin/house.h"

namespace ringfence::services::admin {

core::admin::SystemStatus system_status(House& house, ServiceControl& services);
core::admin::SystemVersion system_version();

/// hello answers session.hello for a caller's account and level.
core::admin::Hello hello(House& house, const std::string& account, int level);

}  // namespace ringfence::services::admin

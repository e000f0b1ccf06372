// What `show status` and `show version active` say about the machine.
#pragma once

#include "core/admin/api.h"
#include "services/admin/node/house.h"
#include "services/admin/node/service_control.h"
#include "services/admin/trust/trust_keeper.h"

namespace ringfence::services::admin {

/// system_status takes the signer's state as the opening judges it, and its notes.
core::admin::SystemStatus system_status(House& house, TrustKeeper& keeper, ServiceControl& services,
                                        const core::admin::ServiceFacts& signer,
                                        std::vector<std::string> notes);
core::admin::SystemVersion system_version();

/// hello answers session.hello for a caller's account and level.
core::admin::Hello hello(House& house, const std::string& account, int level);

}  // namespace ringfence::services::admin

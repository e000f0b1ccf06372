// What `show status` and `show version active` say about the machine.
#pragma once

#include "core/admin/api.h"
#include "core/base/clock.h"
#include "core/config/config.h"
#include "core/phones/phone_store.h"
#include "services/admin/node/neighbours.h"
#include "services/admin/node/service_control.h"

namespace ringfence::services::admin {

/// Machine is what system_status asks.
struct Machine {
  const core::Config& config;
  const core::PhoneStore& phones;
  Neighbours& neighbours;
  ServiceControl& services;
  const core::Clock& clock;
};

/// system_status takes the signer's state as the opening judges it.
core::admin::SystemStatus system_status(const Machine& machine,
                                        const core::admin::ServiceFacts& signer);
core::admin::SystemVersion system_version();

/// hello answers session.hello for a caller's account and level.
core::admin::Hello hello(const core::Config& config, const std::string& account, int level);

}  // namespace ringfence::services::admin

// Who knows whom in ringfence-admin: every noun, built with what it needs.
#pragma once

#include "services/admin/api/methods.h"
#include "services/admin/capf/event_audit.h"
#include "services/admin/capf/expiry_monitor.h"
#include "services/admin/capf/phones.h"
#include "services/admin/jobs/bulk_jobs.h"
#include "services/admin/jobs/jobs.h"
#include "services/admin/jobs/phone_resets.h"
#include "services/admin/jobs/regeneration.h"
#include "services/admin/node/house.h"
#include "services/admin/node/opening.h"
#include "services/admin/trust/cluster_keeper.h"
#include "services/admin/trust/trust_keeper.h"

namespace ringfence::services::admin {

/// TrustWiring is what changes certificates, nodes and lists, on a house that outlives it.
struct TrustWiring {
  explicit TrustWiring(House& house);

  UnitKeys keys;
  Publisher itl;
  TrustKeeper keeper;
  ClusterKeeper cluster;
};

/// Wiring is everything above a house and its services, which must outlive it. Nothing runs until
/// `opening` begins.
struct Wiring {
  Wiring(House& house, ServiceControl& services);
  Wiring(const Wiring&) = delete;
  Wiring& operator=(const Wiring&) = delete;

  TrustWiring trust;
  Jobs jobs;
  Regeneration regeneration;
  PhoneResets resets;
  BulkJobs bulk;
  Phones phones;
  Opening opening;
  ExpiryMonitor monitor;
  EventAudit event_audit;
  Methods methods;
};

}  // namespace ringfence::services::admin

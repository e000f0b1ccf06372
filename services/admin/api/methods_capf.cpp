// The methods of the CAPF report, status, policy and expiry.
#include "core/admin/capf_api.h"
#include "services/admin/api/methods_add.h"
#include "services/admin/capf/diagnosis_facts.h"
#include "services/admin/capf/policy.h"
#include "services/admin/capf/report.h"

namespace ringfence::services::admin {

using namespace core::admin;

void Methods::add_capf() {
  House& house = parts_.house;
  on(method::capf_report, [&house](const CapfReportRequest& request, Who) {
    return capf_report({house.certificates, house.phones, house.neighbours.capf()},
                       core::CapfPolicyStore(house.database).load(), request, house.clock.now());
  });
  on(method::capf_status, [&house, this](const CapfStatusRequest& request, Who) {
    return diagnose(gather(house, parts_.keeper, parts_.services, parts_.opening, request.name));
  });
  ExpiryMonitor& monitor = parts_.monitor;
  const PolicyParts policy{house.database, house.config, house.clock, house.certificates, monitor};
  on(method::capf_policy, [policy](const Nothing&, Who) { return show_policy(policy); });
  on(method::capf_set_policy,
     [policy](const CapfPolicySet& request, Who) { return set_policy(policy, request); });
  on(method::capf_monitor, [&monitor](const Nothing&, Who) { return monitor.run(); });
  on(method::capf_certificate, [&house](const CapfCertificateRequest& request, Who) {
    return fetched_certificate(house.config, request);
  });
}

}  // namespace ringfence::services::admin

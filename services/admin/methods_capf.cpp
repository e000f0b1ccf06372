// The methods of the CAPF report, status, policy and expiry.
#include "core/admin/capf_api.h"
#include "services/admin/capf_report.h"
#include "services/admin/diagnosis_facts.h"
#include "services/admin/methods_add.h"
#include "services/admin/policy.h"

namespace ringfence::services::admin {

using namespace core::admin;

void Methods::add_capf(const Parts& parts) {
  House& house = parts.house;
  add<CapfReportRequest>("capf.report", 0, [&house](const CapfReportRequest& request, Who) {
    return capf_report(house, request);
  });
  add<CapfStatusRequest>("capf.status", 0, [&house, parts](const CapfStatusRequest& request, Who) {
    return diagnose(gather(house, parts.keeper, parts.services, parts.opening, request.name));
  });
  ExpiryMonitor& monitor = parts.monitor;
  add<Nothing>("capf.policy", 0, [&](const Nothing&, Who) { return show_policy(house, monitor); });
  change<CapfPolicySet>("capf.set_policy", 1, [&](const CapfPolicySet& request, Who) {
    return set_policy(house, monitor, request);
  });
  change<Nothing>("capf.monitor", 1, [&](const Nothing&, Who) { return monitor.run(); });
  add<CapfCertificateRequest>("capf.certificate", 0,
                              [&house](const CapfCertificateRequest& request, Who) {
                                return fetched_certificate(house, request);
                              });
}

}  // namespace ringfence::services::admin

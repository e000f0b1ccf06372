// The methods of the CAPF report, status, policy and expiry.
#include "core/admin/capf_api.h"
#include "services/admin/capf_report.h"
#include "services/admin/methods_add.h"

namespace ringfence::services::admin {

using namespace core::admin;

void Methods::add_capf(const Parts& parts) {
  House& house = parts.house;
  add<CapfReportRequest>("capf.report", 0, [&house](const CapfReportRequest& request, Who) {
    return capf_report(house, request);
  });
  add<CapfCertificateRequest>("capf.certificate", 0,
                              [&house](const CapfCertificateRequest& request, Who) {
                                return fetched_certificate(house, request);
                              });
}

}  // namespace ringfence::services::admin

#include "core/admin/capf_api.h"
#include "core/admin/json_described.h"

namespace ringfence::core::admin {

RINGFENCE_JSON(CapfReportRequest);
RINGFENCE_JSON(CapfReport);
RINGFENCE_JSON(CapfStatusRequest);
RINGFENCE_JSON(CapfStatus);
RINGFENCE_JSON(CapfCertificateRequest);
RINGFENCE_JSON(CapfCertificate);
RINGFENCE_JSON(ExpiryFindings);
RINGFENCE_JSON(CapfPolicyShow);
RINGFENCE_JSON(CapfPolicySet);

}  // namespace ringfence::core::admin

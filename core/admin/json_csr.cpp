#include "core/admin/csr_api.h"
#include "core/admin/json_described.h"

namespace ringfence::core::admin {

RINGFENCE_JSON(CsrGenerateRequest);
RINGFENCE_JSON(CsrGenerated);
RINGFENCE_JSON(CsrList);
RINGFENCE_JSON(CsrShowRequest);
RINGFENCE_JSON(CsrShow);
RINGFENCE_JSON(CertificateImportRequest);
RINGFENCE_JSON(CertificateImportPlan);
RINGFENCE_JSON(TrustImportRequest);
RINGFENCE_JSON(TrustImported);

}  // namespace ringfence::core::admin

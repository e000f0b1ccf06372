#include "core/admin/json_described.h"
#include "core/admin/offline_api.h"

namespace ringfence::core::admin {

RINGFENCE_JSON(PhoneSelection);
RINGFENCE_JSON(CsrCount);
RINGFENCE_JSON(PhoneCsrList);
RINGFENCE_JSON(CsrDumpRequest);
RINGFENCE_JSON(CsrDumpPart);
RINGFENCE_JSON(CsrDumped);
RINGFENCE_JSON(UploadRequest);
RINGFENCE_JSON(Uploaded);
RINGFENCE_JSON(LscImportRequest);
RINGFENCE_JSON(LscImportPart);
RINGFENCE_JSON(LscImported);
RINGFENCE_JSON(LscIssueRequest);
RINGFENCE_JSON(LscIssuePart);
RINGFENCE_JSON(LscsIssued);
RINGFENCE_JSON(CsrsDeleted);
RINGFENCE_JSON(StaleLscList);
RINGFENCE_JSON(StaleCleared);

}  // namespace ringfence::core::admin

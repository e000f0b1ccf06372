#include "core/admin/bulk_api.h"
#include "core/admin/json_described.h"

namespace ringfence::core::admin {

RINGFENCE_JSON(BulkRequest);
RINGFENCE_JSON(BulkPreview);
RINGFENCE_JSON(BulkStarted);
RINGFENCE_JSON(SecurityProfileFacts);
RINGFENCE_JSON(SecurityProfileList);
RINGFENCE_JSON(SecurityProfileFields);
RINGFENCE_JSON(SecurityProfileRequest);

}  // namespace ringfence::core::admin

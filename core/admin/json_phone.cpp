#include "core/admin/api.h"
#include "core/admin/json_described.h"
#include "core/admin/phone_names_api.h"

namespace ringfence::core::admin {

RINGFENCE_JSON(PhoneImportRequest);
RINGFENCE_JSON(PhoneImported);
RINGFENCE_JSON(PhoneFields);
RINGFENCE_JSON(PhoneRequest);
RINGFENCE_JSON(PhoneFacts);
RINGFENCE_JSON(PhoneListRequest);
RINGFENCE_JSON(PhoneList);
RINGFENCE_JSON(PhoneResetRequest);
RINGFENCE_JSON(PhoneReset);
RINGFENCE_JSON(PhoneResetPlan);
RINGFENCE_JSON(PhoneNamesRequest);
RINGFENCE_JSON(PhoneNames);

}  // namespace ringfence::core::admin

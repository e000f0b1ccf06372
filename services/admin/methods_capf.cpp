// The methods of the CAPF report, status, policy and expiry.
#include "services/admin/methods_add.h"

namespace ringfence::services::admin {

void Methods::add_capf(const Parts&) {}

}  // namespace ringfence::services::admin

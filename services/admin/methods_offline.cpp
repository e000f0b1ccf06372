// The methods of offline CA and stale LSCs.
#include "services/admin/methods_add.h"

namespace ringfence::services::admin {

void Methods::add_offline(const Parts&) {}

}  // namespace ringfence::services::admin

// The methods of bulk jobs and security profiles.
#include "services/admin/methods_add.h"

namespace ringfence::services::admin {

void Methods::add_bulk(const Parts&) {}

}  // namespace ringfence::services::admin

// The methods of CSRs and imports of this node's certificates.
#include "services/admin/methods_add.h"

namespace ringfence::services::admin {

void Methods::add_csr(const Parts&) {}

}  // namespace ringfence::services::admin

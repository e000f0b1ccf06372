// What `show status` says of the trust list in force.
#pragma once

#include <string>
#include <vector>

#include "services/admin/trust/trust_keeper.h"

namespace ringfence::services::admin {

/// list_warnings returns a sentence each: the published file is not good, a recovery list is in
/// force.
std::vector<std::string> list_warnings(TrustKeeper& keeper);

}  // namespace ringfence::services::admin

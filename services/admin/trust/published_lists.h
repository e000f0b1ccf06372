// The ITL versions that were published, as phones decide by them.
#pragma once

#include "core/phones/acceptance.h"
#include "core/trust/list_store.h"

namespace ringfence::services::admin {

/// published_list reads one version, and names its certificates in `names`. Throws
/// Error{malformed} for a file that is no list.
core::PublishedList published_list(const core::ListVersion& version,
                                   std::map<std::string, std::string>& names);

}  // namespace ringfence::services::admin

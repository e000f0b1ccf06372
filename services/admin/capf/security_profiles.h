// The security profile methods of the admin API.
#pragma once

#include "core/admin/bulk_api.h"
#include "services/admin/node/house.h"

namespace ringfence::services::admin {

/// list_profiles returns every profile, with how many phones have it and contradict it.
core::admin::SecurityProfileList list_profiles(House& house);

/// set_profile makes or changes one. Phones keep their own settings: those that now contradict it
/// are counted in the answer. Throws Error{malformed}.
core::admin::SecurityProfileFacts set_profile(House& house,
                                              const core::admin::SecurityProfileFields& fields);

}  // namespace ringfence::services::admin

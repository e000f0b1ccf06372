// The security profile methods of the admin API.
#pragma once

#include "core/admin/bulk_api.h"
#include "core/phones/phone_store.h"
#include "core/phones/security_profile_store.h"

namespace ringfence::services::admin {

/// list_profiles returns every profile, with how many phones have it and contradict it.
core::admin::SecurityProfileList list_profiles(const core::SecurityProfileStore& profiles,
                                               const core::PhoneStore& phones);

/// set_profile makes or changes one. Phones keep their own settings: those that now contradict it
/// are counted in the answer. Throws Error{malformed}.
core::admin::SecurityProfileFacts set_profile(core::SecurityProfileStore& profiles,
                                              const core::PhoneStore& phones,
                                              const core::admin::SecurityProfileFields& fields);

}  // namespace ringfence::services::admin

// The names of phones that begin alike, for a shell to complete one.
#pragma once

#include "core/admin/phone_api.h"
#include "core/storage/database.h"

namespace ringfence::services::admin {

/// phone_names answers phone.names from admin.db. Throws Error{malformed} for a limit out of
/// bounds.
core::admin::PhoneNames phone_names(core::Database& database,
                                    const core::admin::PhoneNamesRequest& request);

}  // namespace ringfence::services::admin

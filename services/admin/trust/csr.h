// The csr.* methods of the admin API: requests for certificates that a third party signs.
#pragma once

#include <string>

#include "core/admin/csr_api.h"
#include "core/storage/database.h"
#include "services/admin/trust/trust_keeper.h"

namespace ringfence::services::admin {

/// requestable_or_refuse finds a unit whose certificate a third party may sign. Throws
/// Error{refused} for one whose certificate phones must know by itself, Error{not_found} for none.
core::Unit requestable_or_refuse(const std::string& word);

core::admin::CsrGenerated generate_csr(core::Database& admin, TrustKeeper& keeper,
                                       const std::string& unit, const std::string& who);
core::admin::CsrList list_csrs(core::Database& admin);

/// show_csr throws Error{not_found} that says which requests there are.
core::admin::CsrShow show_csr(core::Database& admin, const std::string& name);

}  // namespace ringfence::services::admin

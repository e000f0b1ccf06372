// What people are told of a list file that was not as it must be.
#pragma once

#include <string>

#include "services/admin/trust/publisher.h"

namespace ringfence::services::admin {

/// ensured_text says what became of a served file, and what it means: a note where the last good
/// list is in its place (Ensured::By::last_good), else a warning.
std::string ensured_text(const Ensured& ensured);

}  // namespace ringfence::services::admin

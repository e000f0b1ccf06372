// Secrets that earlier releases kept in admin.db, on their way out of it.
#pragma once

#include "core/storage/database.h"

namespace ringfence::core {

/// tidy_secrets brings admin.db and secrets.db to one state; ringfence-admin calls it at its start,
/// before anybody reads either. What an earlier release left in admin.db is moved, and then nothing
/// of it is left in that file or in its log; where that cannot be finished, because another process
/// reads the file, a line says so and the next call goes on. What a process that was ended between
/// the two files left in secrets.db is taken away. Errors: `io`.
void tidy_secrets(Database& admin, Database& secrets);

}  // namespace ringfence::core

// show retention, set retention: how long what has ended is kept.
#pragma once

#include <vector>

#include "core/admin/system_api.h"
#include "core/config/config.h"
#include "core/plans/job_store.h"
#include "core/storage/database.h"
#include "core/storage/pruner.h"

namespace ringfence::services::admin {

core::admin::RetentionShow show_retention(core::Database& admin);

/// set_retention changes one kind and answers as show_retention does. Throws Error{malformed}
/// naming what could be; then nothing has changed.
core::admin::RetentionShow set_retention(core::Database& admin,
                                         const core::admin::RetentionSet& request);

/// pruning is what of admin.db, and of the log folder, need not be kept for ever. Both must
/// outlive it.
std::vector<core::Pruner::Rule> pruning(const core::Config& config, core::JobStore& jobs);

/// is_older_log tells a log file that was put aside: "capf.log.3", and not "capf.log".
bool is_older_log(const std::filesystem::path& file);

}  // namespace ringfence::services::admin

// What other families need of the job commands.
#pragma once

#include <string>
#include <vector>

#include "shell/grammar.h"

namespace ringfence::shell {

Parameter job_id();

/// job_changes returns "<words> pause", "<words> resume" and "<words> cancel".
std::vector<Command> job_changes(const std::string& words);

}  // namespace ringfence::shell

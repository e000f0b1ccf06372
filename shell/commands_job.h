// What other families need of the job commands.
#pragma once

#include <string>
#include <vector>

#include "shell/grammar.h"

namespace ringfence::shell {

Parameter job_id();

/// What every command that watches a job says of its exit status.
inline constexpr const char* kJobStatusHelp =
    "The exit status is 0 when the job is done and every phone returned, or succeeded; 5 when\n"
    "the change is made and phones are missing, left out, failed or unproven, also when the\n"
    "timeout ends the watch; 1 when nothing was changed.\n";

/// job_changes returns "<words> pause", "<words> resume" and "<words> cancel".
std::vector<Command> job_changes(const std::string& words);

}  // namespace ringfence::shell

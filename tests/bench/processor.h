// What processes cost in processor time: steady where real time is not, on a shared machine.
#pragma once

#include <sys/types.h>

#include "tests/bench/measured.h"

namespace ringfence::bench {

/// processor_time returns what a process of this user has used so far, all threads together, also
/// those that ended; nothing (0) for one that is gone.
Seconds processor_time(pid_t pid) noexcept;

}  // namespace ringfence::bench

// What it costs to wake callers that sleep: the floor of any signature that a thread waits for.
#pragma once

#include <cstddef>

#include "tests/bench/measured.h"

namespace ringfence::bench {

/// wake_sleepers lets one thread wake `sleepers` others `count` times in all, sixteen at a time, as
/// a batch of answers does; each goes back to sleep at once. Returns the real time.
Seconds wake_sleepers(std::size_t count, std::size_t sleepers);

}  // namespace ringfence::bench

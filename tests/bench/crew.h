// Threads that share a number of signatures, flat out or at given moments.
#pragma once

#include <cstddef>
#include <vector>

#include "tests/bench/measured.h"

namespace ringfence::bench {

/// share lets `members` threads make `count` signatures together: whoever is free takes the next.
/// Returns the time from the moment all stood ready until the last signature. Throws what the
/// first failing Work threw.
Seconds share(std::size_t count, std::size_t members, const MakeWork& make);

enum class Arrivals {
  even,     ///< at equal distances
  poisson,  ///< at random, independent of each other, always the same sequence
};

/// pace asks for `count` signatures that arrive at `per_second`, whether or not earlier ones are
/// done (an open loop, up to `members` at once), and returns each one's time from its intended
/// arrival to its end, sorted. Throws as share does.
std::vector<Seconds> pace(std::size_t count, double per_second, Arrivals arrivals,
                          std::size_t members, const MakeWork& make);

}  // namespace ringfence::bench

// The number of a TCP connection.
#pragma once

#include <cstdint>

namespace ringfence::services::callmanager {

/// Flow numbers a TCP connection; 0 is UDP. Never used twice in a run.
using Flow = std::uint64_t;

}  // namespace ringfence::services::callmanager

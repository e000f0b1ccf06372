// Which node a row belongs to.
#pragma once

#include <cstdint>

namespace ringfence::core {

/// NodeId is a node's number in admin.db's table node; this node's is always the first.
using NodeId = std::int64_t;
inline constexpr NodeId kThisNode = 1;

}  // namespace ringfence::core

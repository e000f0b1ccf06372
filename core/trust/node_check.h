// Whether a node may join a cluster: a pure judgement of its document.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/trust/cluster.h"

namespace ringfence::core {

/// A cluster has at most 21 nodes (cucm-behaviour 1.1): this one and these.
inline constexpr std::size_t kMostOtherNodes = 20;

/// node_named finds a node by its name, in any case of letters; null when there is none.
const ClusterNode* node_named(const Cluster& cluster, std::string_view name);

/// check_node judges a node that is to be imported beside kThisNode, or in the place of the
/// imported one with its name. Returns what speaks against it and does not forbid it, a sentence
/// each. Throws Error{refused} with what is wrong and what would be right: it is this node, or has
/// its name, address and port, certificates or keys, or those of another one; a certificate that
/// has ended, has not begun, may not sign, or whose own signature is wrong; a key that phones or
/// lists cannot use; no room.
std::vector<std::string> check_node(const ClusterNode& node, const Cluster& cluster, Time now);

}  // namespace ringfence::core

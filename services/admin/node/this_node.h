// This node as a member of its cluster: where its configuration says that phones find it.
#pragma once

#include "core/config/config.h"
#include "core/trust/cluster.h"
#include "core/trust/node_store.h"

namespace ringfence::services::admin {

/// this_node is this node without certificates: the publisher, which runs everything.
core::ClusterNode this_node(const core::Config& config);

/// cluster_of returns the cluster as it is now. What is said of this node is what `config` says,
/// whatever its row does.
core::Cluster cluster_of(core::Database& admin, const core::Config& config);

}  // namespace ringfence::services::admin

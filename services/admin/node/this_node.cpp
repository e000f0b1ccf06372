#include "services/admin/node/this_node.h"

namespace ringfence::services::admin {

using core::NodeService;

core::ClusterNode this_node(const core::Config& config) {
  core::ClusterNode node;
  node.id = core::kThisNode;
  node.role = core::NodeRole::publisher;
  node.name = config.node().host;
  node.domain = config.domain();
  node.addresses = {config.advertise()};
  const core::Ports& ports = config.ports();
  node.ports = {ports.sip, ports.sips, ports.tvs, ports.capf};
  node.services = {NodeService::call_manager, NodeService::tftp, NodeService::tvs,
                   NodeService::capf};
  return node;
}

core::Cluster cluster_of(core::Database& admin, const core::Config& config) {
  core::Cluster cluster = core::NodeStore(admin).cluster(config.release());
  for (core::ClusterNode& node : cluster.nodes) {
    if (node.id != core::kThisNode) continue;
    auto certificates = std::move(node.certificates);
    node = this_node(config);
    node.certificates = std::move(certificates);
  }
  return cluster;
}

}  // namespace ringfence::services::admin

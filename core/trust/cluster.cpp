#include "core/trust/cluster.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/crypto/x509.h"

namespace ringfence::core {

std::string_view name(NodeRole role) noexcept {
  return role == NodeRole::publisher ? "publisher" : "subscriber";
}

std::string_view name(NodeService service) noexcept {
  switch (service) {
    case NodeService::call_manager: return "callmanager";
    case NodeService::tftp: return "tftp";
    case NodeService::tvs: return "tvs";
    case NodeService::capf: return "capf";
  }
  return "";
}

std::optional<NodeService> node_service_named(std::string_view word) noexcept {
  for (const NodeService service :
       {NodeService::call_manager, NodeService::tftp, NodeService::tvs, NodeService::capf})
    if (word == name(service)) return service;
  return std::nullopt;
}

const std::string& ClusterNode::address() const {
  static const std::string kNone;
  return addresses.empty() ? kNone : addresses.front();
}

const X509* ClusterNode::certificate(Unit unit) const {
  const auto found = certificates.find(unit);
  return found == certificates.end() ? nullptr : found->second.get();
}

std::shared_ptr<const X509> shared_certificate(BytesView der) {
  X509Cert parsed = parse_certificate(der);
  return {parsed.release(), [](const X509* certificate) {
            X509_free(const_cast<X509*>(certificate));  // the C API is not const-correct
          }};
}

const ClusterNode* Cluster::find(NodeId id) const {
  const auto found = std::ranges::find(nodes, id, &ClusterNode::id);
  return found == nodes.end() ? nullptr : &*found;
}

const ClusterNode& Cluster::node(NodeId id) const {
  if (const ClusterNode* found = find(id)) return *found;
  throw Error(Code::not_found, fmt::format("the cluster has no node {}", id));
}

const ClusterNode& Cluster::publisher() const {
  const auto found = std::ranges::find(nodes, NodeRole::publisher, &ClusterNode::role);
  if (found != nodes.end()) return *found;
  throw Error(Code::not_found, "no node of the cluster is its publisher");
}

}  // namespace ringfence::core

// The cluster as a value: its nodes and their certificates, from which trust lists are made.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/types.h>

#include "core/base/bytes.h"
#include "core/certificates/node_id.h"
#include "core/certificates/unit.h"
#include "core/config/release.h"
#include "core/crypto/digest.h"

namespace ringfence::core {

/// NodeRole: one node of a cluster is the publisher. CAPF runs there alone, and ITLRecovery is its.
enum class NodeRole { publisher, subscriber };

std::string_view name(NodeRole role) noexcept;  ///< "publisher", "subscriber"

/// NodeService is what a node runs for phones.
enum class NodeService { call_manager, tftp, tvs, capf };

/// name returns "callmanager", "tftp", "tvs" or "capf"; node_service_named is its opposite.
std::string_view name(NodeService service) noexcept;
std::optional<NodeService> node_service_named(std::string_view word) noexcept;

/// NodePorts are where phones reach a node's services.
struct NodePorts {
  std::uint16_t sip = 5060;   ///< UDP and TCP
  std::uint16_t sips = 5061;  ///< TLS
  std::uint16_t tvs = 2445;
  std::uint16_t capf = 3804;

  bool operator==(const NodePorts&) const = default;
};

/// ClusterNode is one node: where phones find it, what it runs, the certificates of its units.
/// Copies share their certificates, which never change.
struct ClusterNode {
  NodeId id = 0;
  NodeRole role = NodeRole::subscriber;
  std::string name;                    ///< short host name: DNSNAME in lists
  std::string domain;                  ///< "" for none
  std::vector<std::string> addresses;  ///< IPv4 or host names, the first is what phones are told
  NodePorts ports;
  std::set<NodeService> services = {};
  std::map<Unit, std::shared_ptr<const X509>> certificates = {};

  const std::string& address() const;  ///< the first; "" when there is none

  bool runs(NodeService service) const { return services.contains(service); }

  const X509* certificate(Unit unit) const;  ///< null when the node has none
};

/// shared_certificate parses one DER certificate for a ClusterNode. Throws Error{malformed}.
std::shared_ptr<const X509> shared_certificate(BytesView der);

/// ClusterMode decides whether there is a CTL.
enum class ClusterMode { non_secure, mixed };

/// Cluster is everything that trust lists, configuration files and forecasts are functions of. One
/// node is the smallest; this node comes first, the others in the order in which they came.
struct Cluster {
  std::vector<ClusterNode> nodes;
  ClusterMode mode = ClusterMode::non_secure;
  Release release = Release::r11_5;
  Digest digest = Digest::sha1;  ///< of the signatures of files (cucm-behaviour 2.5)

  const ClusterNode* find(NodeId id) const;
  const ClusterNode& node(NodeId id) const;  ///< throws Error{not_found}
  const ClusterNode& publisher() const;      ///< throws Error{not_found} when no node is it
};

}  // namespace ringfence::core

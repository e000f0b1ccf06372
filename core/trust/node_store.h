// The nodes of the cluster in admin.db: written by ringfence-admin, read by all.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/clock.h"
#include "core/storage/database.h"
#include "core/trust/cluster.h"

namespace ringfence::core {

/// NodeStore reads and writes nodes, and the certificates of all but this one (CertificateStore has
/// its). Safe from several threads. Errors: `io`, `malformed`.
class NodeStore {
 public:
  /// `database` is admin.db; the reading calls work read-only too.
  explicit NodeStore(Database& database) : database_(database) {}

  /// list returns all nodes without their certificates: this one, then the others as they came.
  std::vector<ClusterNode> list() const;

  /// cluster returns all of it. Where this node is found its row says, as of the last start.
  Cluster cluster(Release release) const;

  /// imported_at returns when a node was imported last; nothing for this one.
  std::optional<Time> imported_at(NodeId id) const;

  /// describe_this writes where this node is found, when that is not what its row says.
  void describe_this(const ClusterNode& node);

  /// save adds a node with its certificates, or with its `id` takes the place of the one that is
  /// there, in one transaction. Returns its number. Error{refused} for this node.
  NodeId save(const ClusterNode& node, Time now);

  /// remove takes a node, its certificates and its lists away. Error{refused} for this node.
  void remove(NodeId id);

 private:
  Database& database_;
};

}  // namespace ringfence::core

// Changing the nodes of the cluster, and publishing the trust list that follows.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include <boost/json.hpp>

#include "services/admin/node/acts.h"
#include "services/admin/node/this_node.h"
#include "services/admin/trust/publisher.h"

namespace ringfence::services::admin {

/// ClusterKeeper changes which nodes there are beside this one. Safe from several threads: a change
/// holds the mutex of trust.
class ClusterKeeper {
 public:
  /// As TrustKeeper's.
  struct Parts {
    const core::Config& config;
    core::Database& admin;
    Publisher& publisher;
    Acts& acts;
    std::mutex& mutex;
  };

  explicit ClusterKeeper(const Parts& parts) : parts_(parts) {}

  /// Change is what becomes of the cluster, and what is said of it.
  struct Change {
    core::Cluster after;
    std::function<void()> write;  ///< the rows; called in a transaction
    std::string event;            ///< of the audit log, without "_INTENT", "_DONE", "_FAILED"
    std::string reason;           ///< of the list: "import of node voice-b"
    boost::json::object detail;   ///< of the audit log
  };

  /// Judge looks at the cluster under the lock, so that what it saw still holds. Nothing: nothing
  /// is to be done. What it throws leaves everything as it was.
  using Judge = std::function<std::optional<Change>(const core::Cluster& now)>;

  /// Done says what was made of a change.
  struct Done {
    std::optional<std::string> itl_sha1;  ///< of the new list; nothing when it stays the same
    std::vector<std::string> warnings;
    std::vector<std::string> untold = {};  ///< services that run and were not told
  };

  /// apply makes the change that `judge` wants.
  ///
  /// A list that changes is built, signed, verified and on disk before anything changes; rows and
  /// list version become the truth in one transaction, and a rename publishes. An Error before that
  /// leaves the earlier nodes. After it nothing throws but Error{io} when the list could not be
  /// published; what fails behind it is a warning. Nothing is returned when nothing was to be done.
  std::optional<Done> apply(const std::string& who, const Judge& judge);

  /// changes_itl tells whether the list of this node becomes another one.
  bool changes_itl(const core::Cluster& now, const core::Cluster& after) const;

  bool recovering() const { return parts_.publisher.recovering(); }

 private:
  Done make(const Change& change, const core::Cluster& now, std::string& in_force);

  const Parts parts_;
};

}  // namespace ringfence::services::admin

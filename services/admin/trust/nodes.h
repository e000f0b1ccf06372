// node.*: exporting this node, importing and removing others, and listing them.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/admin/node_api.h"
#include "core/phones/phone_store.h"
#include "services/admin/node/neighbours.h"
#include "services/admin/node/service_control.h"
#include "services/admin/trust/cluster_keeper.h"

namespace ringfence::services::admin {

/// Nodes judges documents and puts them to use. Safe from several threads.
///
/// A change that is made is in force at once: the new ITL is published, TVS and Cisco Tftp know the
/// nodes. Then a job resets the registered phones, as `utils phone reset all` does; where nobody
/// can be told, a warning says so.
class Nodes {
 public:
  /// Telling is the job that resets phones.
  struct Telling {
    std::function<void()> refuse_while_one_runs;  ///< throws Error{conflict}
    std::function<std::size_t()> reachable;       ///< how many phones it would reset
    std::function<core::admin::JobReport(const std::string& who)> start;
  };

  /// All must outlive it. `admin` is admin.db.
  struct Parts {
    const core::Config& config;
    core::Database& admin;
    ClusterKeeper& keeper;
    Neighbours& neighbours;
    ServiceControl& services;
    const core::Clock& clock;
    Telling telling;
  };

  explicit Nodes(Parts parts) : parts_(std::move(parts)), phones_(parts_.admin) {}

  core::admin::NodeExport export_this() const;
  core::admin::NodeList list() const;

  /// The plans throw what import and remove would: Error{malformed} or {refused} with what is wrong
  /// with the document, {not_found} for a node that is not there, {conflict} while another job
  /// resets phones.
  core::admin::NodePlan plan_import(const core::admin::NodeImportRequest& request) const;
  core::admin::NodePlan plan_removal(const core::admin::NodeRemoveRequest& request) const;

  core::admin::NodeChanged import(const core::admin::NodeImportRequest& request,
                                  const std::string& who);
  core::admin::NodeChanged remove(const core::admin::NodeRemoveRequest& request,
                                  const std::string& who);

 private:
  core::Cluster cluster() const { return cluster_of(parts_.admin, parts_.config); }

  core::admin::NodeFacts facts(const core::ClusterNode& node) const;
  /// why_nobody says why no phone can be reset now; "" when phones can.
  std::string why_nobody() const;
  void note_phones(core::admin::NodePlan& plan) const;
  /// reset starts the job for a change that is made.
  void reset(const std::string& who, core::admin::NodeChanged& changed);

  const Parts parts_;
  core::PhoneStore phones_;
};

}  // namespace ringfence::services::admin

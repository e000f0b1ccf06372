// node.*: exporting this node, importing and removing others, and listing them.
#pragma once

#include <optional>
#include <string>

#include "core/admin/node_api.h"
#include "services/admin/jobs/jobs.h"
#include "services/admin/jobs/phone_resets.h"
#include "services/admin/node/house.h"
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
  struct Parts {
    House& house;
    ServiceControl& services;
    Jobs& jobs;
    PhoneResets& resets;
  };

  /// All must outlive it.
  explicit Nodes(const Parts& parts) : parts_(parts), keeper_(parts.house) {}

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
  core::Cluster cluster() const { return cluster_of(parts_.house.database, parts_.house.config); }

  core::admin::NodeFacts facts(const core::ClusterNode& node) const;
  /// why_nobody says why no phone can be reset now; "" when phones can.
  std::string why_nobody() const;
  void note_phones(core::admin::NodePlan& plan) const;
  /// reset starts the job for a change that is made.
  void reset(const std::string& who, core::admin::NodeChanged& changed);

  Parts parts_;
  ClusterKeeper keeper_;
};

}  // namespace ringfence::services::admin

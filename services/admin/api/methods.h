// The table of the admin API: method, privilege level, what answers it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "core/admin/method.h"
#include "core/net/rpc.h"
#include "services/admin/api/audit_outcome.h"
#include "services/admin/capf/expiry_monitor.h"
#include "services/admin/capf/phones.h"
#include "services/admin/jobs/regeneration.h"
#include "services/admin/node/house.h"
#include "services/admin/node/opening.h"
#include "services/admin/node/service_control.h"
#include "services/admin/trust/trust_keeper.h"

namespace ringfence::services::admin {

class BulkJobs;
class ClusterKeeper;
class Jobs;
class PhoneResets;

/// Asker is the account that asks, with the level that it has by what is decided here.
struct Asker {
  const std::string& user;
  int level = 0;
};

using Who = const Asker&;

/// Methods answers the admin API. Safe from several threads.
///
/// The account and its level are decided here from the caller's user id, never by the shell: root
/// has level 4, others what their account says; the user that ringfence-admin first ran as has
/// level 4.
class Methods {
 public:
  /// Parts must outlive it.
  struct Parts {
    House& house;
    TrustKeeper& keeper;
    Regeneration& regeneration;
    Phones& phones;
    ServiceControl& services;
    Opening& opening;
    Jobs& jobs;
    BulkJobs& bulk;
    PhoneResets& resets;
    ExpiryMonitor& monitor;
    ClusterKeeper& cluster;
  };

  explicit Methods(const Parts& parts);

  /// answer runs one method; throws core::Error (`not_found` for an unknown one, `refused` for a
  /// caller without the privilege).
  boost::json::value answer(const core::Caller& caller, std::string_view method,
                            const boost::json::object& params) const;

 private:
  struct Answered {
    boost::json::object answer;
    AuditOutcome outcome;
  };

  using Handler = std::function<Answered(const Asker& who, const boost::json::object& params)>;

  struct Entry {
    int level = 0;
    core::admin::Act act = core::admin::Act::look;
    Handler handler;
  };

  /// on enters what answers a method: `Answer work(const Request&, Who)`.
  template <typename Request, typename Answer, typename Work>
  void on(const core::admin::Method<Request, Answer>& method, Work work);

  // One function a family of methods; those of a file of their own are in methods_<family>.cpp.
  void add_node();
  void add_certificates();
  void add_lists();
  void add_services();
  void add_phones();
  void add_csr();      ///< CSRs and imports of this node's certificates
  void add_capf();     ///< report, status, policy, expiry
  void add_offline();  ///< offline CA and stale LSCs
  void add_bulk();     ///< jobs, bulk jobs, security profiles
  void add_nodes();    ///< the nodes of the cluster

  core::admin::HsmUnlocked unlock(const core::Secret& pin);
  /// require_token throws what keeps the token from signing.
  void require_token() const;
  /// prepare_start does what must be right before a service (re)starts. Returns what was put right.
  core::admin::ServiceChange prepare_start(const Service& service, const std::string& reason);
  core::admin::ServiceChange restart(const Service& service);

  boost::json::object run_audited(const Entry& entry, Who who, std::string_view method,
                                  const boost::json::object& params) const;

  const Parts parts_;
  std::map<std::string_view, Entry> table_;
};

}  // namespace ringfence::services::admin

// Guards: asks services and books what the rules of guard_rules look at.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/plans/job_store.h"
#include "services/admin/jobs/guard_rules.h"
#include "services/admin/node/house.h"
#include "services/admin/node/service_control.h"
#include "services/admin/trust/trust_keeper.h"

namespace ringfence::services::admin {

/// Guards judges by how things are at the moment of the call. A service is asked for real, as a
/// phone would (TVS, CAPF: a TLS handshake) or by a question on its control socket, so that one
/// that hangs counts as down; that takes up to some seconds each. Safe from several threads.
class Guards {
 public:
  Guards(House& house, TrustKeeper& keeper, ServiceControl& services)
      : house_(house), keeper_(keeper), services_(services) {}

  Verdict of_change(core::Unit unit);
  Verdict of_recovery();
  Verdict of_bulk(const std::vector<std::string>& phones);

  /// of_tell judges telling phones to do `kind`; `enrol` says that what they read then sends them
  /// to CAPF.
  Verdict of_tell(const std::string& kind, const std::vector<std::string>& phones, bool enrol);

  /// tvs_problem says in a sentence why phones cannot ask TVS, or nothing.
  std::string tvs_problem();

  /// left_out names the phones that hold a trust list and are not among a job's.
  std::vector<std::string> left_out(const std::vector<core::JobItem>& items);

 private:
  /// Held is who holds what. Of who is `undecided`, by name and when it registered, what it made of
  /// its list, or whether it fetched one, may be on its way here: it came just now.
  struct Held {
    std::vector<PhoneHold> phones;
    std::map<std::string, core::Time> undecided;
  };

  Held look(core::Unit signer);
  /// is_undecided tells whether what is known of a phone may be more in a moment.
  bool is_undecided(const core::Judgement& judgement, core::Time registered_at) const;
  /// phones looks until all is decided, for some seconds at most; what is not by then is unproven.
  std::vector<PhoneHold> phones(core::Unit signer);
  std::string problem_of(std::string_view daemon);
  /// tls_problem shakes hands with a port; the certificate shown must be the unit's.
  std::string tls_problem(std::string_view daemon, std::uint16_t port, core::Unit unit);

  House& house_;
  TrustKeeper& keeper_;
  ServiceControl& services_;
};

}  // namespace ringfence::services::admin

// LSCs that an offline CA signs, and stale ones: what waits, and what is asked of CAPF about it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/admin/offline_api.h"
#include "core/base/clock.h"
#include "core/config/config.h"
#include "core/phones/enrolment_store.h"
#include "services/admin/capf/lsc_imports.h"

namespace ringfence::services::admin {

/// OfflineCa answers offline.count, list, issue and remove, and the methods stale.*. Safe from
/// several threads.
///
/// It reads capf.db and never writes it: bulk issue and deletes are asked of ringfence-capf in
/// batches, and Error{io} says so when that does not run.
class OfflineCa {
 public:
  /// Parts must outlive it.
  struct Parts {
    const core::Config& config;
    const core::Clock& clock;
    std::function<core::Database*()> capf;  ///< capf.db, null while it is not there
    Record record;
  };

  explicit OfflineCa(Parts parts);

  core::admin::CsrCount count();
  core::admin::PhoneCsrList list();
  core::admin::LscIssuePart issue(const core::admin::LscIssueRequest& request,
                                  const std::string& who);
  core::admin::CsrsDeleted remove(const core::admin::PhoneSelection& selection);

  core::admin::StaleLscList stale();
  core::admin::StaleCleared clear_stale(const core::admin::PhoneSelection& selection);

  std::vector<core::PendingCsr> csrs() const;  ///< all that are on record

 private:
  const Parts parts_;
};

}  // namespace ringfence::services::admin

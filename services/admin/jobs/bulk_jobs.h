// Bulk CAPF jobs: previewed, started, and done one step after the other on one thread.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/admin/bulk_api.h"
#include "services/admin/jobs/bulk_plan.h"
#include "services/admin/jobs/guards.h"
#include "services/admin/jobs/jobs.h"
#include "services/admin/node/house.h"

namespace ringfence::services::admin {

class BulkRun;

/// BulkJobs runs any number of jobs at a time; no phone is in two of them. Safe from several
/// threads.
///
/// A job outlives the daemon: a restarted one goes on. While a regeneration has not ended no
/// further phones are asked, since until then they may not know the CAPF certificate; nothing else
/// excludes the two kinds.
class BulkJobs final : public JobKind {
 public:
  BulkJobs(House& house, Jobs& jobs, TrustKeeper& keeper, ServiceControl& services);
  ~BulkJobs() override;  ///< stops

  static constexpr std::string_view kKind = "capf-bulk";

  core::admin::BulkPreview preview(const core::admin::BulkRequest& request);

  /// start plans anew and begins the job. Throws Error{refused} when nobody would be asked, and
  /// while CAPF does not answer, unless forced; Error{conflict} before resume. The strings in the
  /// answer are told this once.
  core::admin::BulkStarted start(const core::admin::BulkRequest& request, const std::string& who);

  std::string_view kind() const override { return kKind; }

  void describe(const core::Job& job, core::admin::JobReport& report) const override;
  void resume() override;
  void stop() override;

 private:
  struct Entry;

  BulkFacts gather(core::Time now);
  BulkTerms terms_of(const core::admin::BulkRequest& request, core::Time now);
  /// judge adds what guards say of the plan.
  void judge(const core::admin::BulkRequest& request, core::admin::BulkPreview& plan);
  void begin(core::Job job);
  void work();
  /// step runs one step of a job; false once it is no longer to be run.
  bool step(Entry& entry);

  House& house_;
  Jobs& jobs_;
  Guards guards_;
  std::mutex start_mutex_;  ///< held from the plan to the job's rows, so that no phone is in two
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<core::Job> begun_;  ///< for the thread to take up; guarded by mutex_
  bool resumed_ = false;          ///< guarded by mutex_
  bool stopping_ = false;         ///< guarded by mutex_
  std::thread thread_;
};

}  // namespace ringfence::services::admin

// One bulk job under way: its waves, its NOTIFYs, and what becomes of each phone.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/plans/job_store.h"
#include "services/admin/jobs/bulk_plan.h"
#include "services/admin/jobs/bulk_watch.h"
#include "services/admin/jobs/jobs.h"
#include "services/admin/jobs/phone_news.h"
#include "services/admin/node/house.h"

namespace ringfence::services::admin {

/// BulkRun does one job, a step at a time. From one thread.
///
/// A phone's settings and its item change in one transaction, so that a daemon that is killed at
/// any moment knows whom it asked, and asks nobody twice.
class BulkRun {
 public:
  /// Takes up `job` where its items and the registrar's rows say it stands.
  BulkRun(House& house, Jobs& jobs, core::Job job);

  /// step does what is due now; true once nothing can change any more: the job has ended, and no
  /// phone is left whose operation was taken back while its session may have gone on.
  bool step();

  /// fail ends a job that cannot go on: what was not over is failed, with the reason.
  void fail(const std::string& why);

  /// pause_after_step is how long the next step may wait.
  std::chrono::milliseconds pause_after_step() const { return pause_; }

  std::int64_t id() const { return job_.id; }

 private:
  void look(core::Time now);
  core::CapfSettings as_before(const core::Phone& phone);
  void heed(core::Time now);
  void send_wave(core::Time now);
  /// Rules are what the settings of a wave are checked against.
  struct Rules;
  core::JobItem turn_of(const core::JobItem& item, const Rules& rules, core::Time now,
                        std::vector<core::Phone>& changed);
  void tell(core::Time now);
  void tell(const std::string& kind, const std::vector<std::string>& names, core::Time now);
  void withdraw(core::Time now);
  bool regenerating();
  bool registrar_answers();
  bool settled(core::Time now);
  bool look_back(core::Time now);
  std::string result();
  void finish(core::Time now);
  void note();  ///< writes down who has moved
  void set(core::JobState state, const std::string& step);

  House& house_;
  Jobs& jobs_;
  core::Job job_;
  BulkTerms terms_;
  PhoneNews news_;
  BulkWatch watch_;
  core::Time taken_back_at_;     ///< from phones on their way
  bool over_ = false;            ///< the job has ended, and its phones may still be looked at
  bool asked_somebody_ = false;  ///< in this step
  bool registrar_away_ = false;
  std::chrono::steady_clock::time_point try_registrar_at_{};
  std::chrono::steady_clock::time_point no_registrar_until_{};
  std::chrono::milliseconds pause_{0};
};

}  // namespace ringfence::services::admin

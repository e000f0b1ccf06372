// Regeneration as a job: change, publish, reset phones in waves, count each one's return.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "core/admin/api.h"
#include "services/admin/house.h"
#include "services/admin/trust_keeper.h"

namespace ringfence::services::admin {

/// Regeneration runs one job at a time on its own thread; jobs are in admin.db, so that any shell
/// can watch them and a restarted daemon goes on counting. Safe from several threads.
class Regeneration {
 public:
  Regeneration(House& house, TrustKeeper& keeper, ServiceControl& services)
      : house_(house), keeper_(keeper), services_(services) {}

  ~Regeneration();  ///< stops
  Regeneration(const Regeneration&) = delete;
  Regeneration& operator=(const Regeneration&) = delete;

  /// stop leaves a running job to the next start, and answers everybody who waits. From one thread.
  void stop();

  core::admin::RegeneratePlan plan(core::Unit unit);

  /// start begins the job and returns its number. Throws Error{conflict} while another runs, and
  /// before resume: then an earlier one may have to go on first.
  std::int64_t start(core::Unit unit, const std::string& who);

  /// resume takes up the jobs that an earlier run of the daemon left: published ones go on counting
  /// phones, others become `interrupted`.
  void resume();

  core::admin::JobReport report(std::int64_t job);
  /// wait answers once the job's revision is not `seen`, at most 20 seconds later.
  core::admin::JobReport wait(std::int64_t job, std::int64_t seen);
  core::admin::JobList list();

 private:
  /// Progress is what a job has to know to go on after a restart; it is the job's `arguments`.
  struct Progress;

  void note_phones(core::admin::RegeneratePlan& plan);
  void note_services(core::Unit unit, core::admin::RegeneratePlan& plan);
  void note_unit(core::Unit unit, core::admin::RegeneratePlan& plan);
  void run(core::Job job, Progress progress);
  void change(core::Job& job, Progress& progress);
  void await_phones(core::Job& job, const Progress& progress);
  /// close_items turns every phone of a job that ends early into not_returned.
  void close_items(std::int64_t job);
  void note_step(core::Job& job, const Progress& progress, const std::string& step);
  void save(core::Job& job, const Progress& progress);
  void finish(core::Job& job, const Progress& progress, core::JobState state,
              const std::string& message);
  void touch(std::int64_t job);
  std::string serial_of(core::Unit unit);  ///< of its certificate, hex; "" without one
  bool stopping_within(std::chrono::milliseconds time);
  core::admin::JobReport describe(const core::Job& job);

  House& house_;
  TrustKeeper& keeper_;
  ServiceControl& services_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int64_t, std::int64_t> revisions_;  ///< by job; guarded by mutex_
  bool resumed_ = false;                            ///< guarded by mutex_
  bool running_ = false;                            ///< guarded by mutex_
  bool stopping_ = false;                           ///< guarded by mutex_
  std::thread thread_;
};

}  // namespace ringfence::services::admin

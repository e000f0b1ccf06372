// Jobs of every kind: listed, watched, paused, resumed and cancelled in one place.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/admin/api.h"
#include "core/plans/job_store.h"
#include "services/admin/node/house.h"

namespace ringfence::services::admin {

/// JobKind does the jobs of one kind, on threads of its own.
class JobKind {
 public:
  JobKind() = default;
  JobKind(const JobKind&) = delete;
  JobKind& operator=(const JobKind&) = delete;
  virtual ~JobKind() = default;

  virtual std::string_view kind() const = 0;  ///< Job::kind

  /// describe says what only this kind knows of a job: its subject, and whether it is published.
  virtual void describe(const core::Job& job, core::admin::JobReport& report) const = 0;

  /// resume takes up what an earlier run of the daemon left.
  virtual void resume() = 0;

  /// stop leaves running jobs to the next start, and returns when no thread works on them.
  virtual void stop() = 0;
};

/// Jobs answers the job.* methods. A kind tells of each change by `touch`, and looks at what is
/// wanted of its jobs (JobStore) by itself. Safe from several threads.
class Jobs {
 public:
  explicit Jobs(core::JobStore& store) : store_(store) {}

  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  void add(JobKind& kind);  ///< before anything is asked; it must outlive the last question
  void resume();            ///< of every kind
  void stop();              ///< of every kind; answers everybody who waits

  core::admin::JobReport report(std::int64_t job);
  /// wait answers once the job's revision is not `seen`, at most 20 seconds later.
  core::admin::JobReport wait(std::int64_t job, std::int64_t seen);
  core::admin::JobList list();

  /// want notes what an administrator wants of a job; it comes about soon. Throws
  /// Error{not_found}, and Error{conflict} for one that has ended or is being cancelled.
  core::admin::JobReport want(std::int64_t job, core::JobWanted wanted);

  /// turn is held from looking for other jobs to the rows of the new one, by kinds that exclude
  /// each other. refuse_while_phones_are_reset throws Error{conflict} that names the job.
  std::unique_lock<std::mutex> turn() { return std::unique_lock(turn_mutex_); }

  void refuse_while_phones_are_reset() const;

  void touch(std::int64_t job);  ///< something changed: whoever waits for the job is answered

  /// moved is touch for phones that moved: `counts` is how many stand where from now on, so that a
  /// report of a job that goes on does not have to count them.
  void moved(std::int64_t job, const core::JobCounts& counts);

 private:
  core::admin::JobReport describe(const core::Job& job);
  core::JobCounts counts(const core::Job& job);

  core::JobStore& store_;
  std::vector<JobKind*> kinds_;
  std::mutex turn_mutex_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int64_t, std::int64_t> revisions_;  ///< by job; guarded by mutex_
  std::map<std::int64_t, core::JobCounts> counts_;  ///< of jobs that go on; guarded by mutex_
  bool stopping_ = false;                           ///< guarded by mutex_
};

/// first_names is as many names of phones as a job keeps of those that it leaves out.
std::vector<std::string> first_names(std::vector<std::string> names);

/// being_cancelled says of a job that is on its way to its end that others wait for it.
std::string being_cancelled(const core::Job& job);

/// end_job writes a job's end down, and in the same transaction the audit record `<event>_DONE`, or
/// `_FAILED`, with the counts of its phones: so it is there once. An audit log that cannot be
/// written keeps no job from its end; then the daemon's log says so.
void end_job(House& house, const core::Job& job, const std::string& event);

/// until_recorded calls `record`, which writes a job's end down, again every five seconds until it
/// does not throw, or `stopping_within` says that the daemon is being stopped: the next start goes
/// on with the job then. One log line says what fails, again when it changes.
void until_recorded(const std::function<void()>& record,
                    const std::function<bool(std::chrono::milliseconds)>& stopping_within);

}  // namespace ringfence::services::admin

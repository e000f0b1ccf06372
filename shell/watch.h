// Watching a job that runs in ringfence-admin until it ends or the watcher leaves.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/admin/api.h"
#include "core/base/error.h"
#include "shell/call.h"

namespace ringfence::shell {

struct Watched {
  core::admin::JobReport report;  ///< the last one seen
  bool left = false;              ///< Ctrl-C; the job goes on
};

/// watch_job follows a job to its end and calls `changed` with each new report.
///
/// Ctrl-C leaves the watch at once. A daemon that stops answering is asked again for a minute
/// (a job survives its restart), then its Error{io} is thrown. Other errors of the daemon are
/// thrown as they come.
Watched watch_job(Call& call, std::int64_t job,
                  const std::function<void(const core::admin::JobReport&)>& changed);

/// PhoneProgress shows how many phones are back: a bar redrawn in a terminal, elsewhere a line at
/// the start of each tenth. Shows nothing before the change is published, or as JSON.
class PhoneProgress {
 public:
  explicit PhoneProgress(Call& call) : call_(call) {}

  void show(const core::admin::JobReport& report);

 private:
  Call& call_;
  std::int64_t tenth_ = -1;
};

/// job_result says how a job ended: the count of phones and the first 20 that are missing.
std::string job_result(const core::admin::JobReport& report);

/// job_failure is the Error to throw for a job that failed or was interrupted.
core::Error job_failure(const core::admin::JobReport& report);

/// say_left tells whoever left the watch that the job goes on, and how to watch it again. Returns
/// failed: the end was not seen.
Status say_left(Call& call, const Watched& watched);

/// all_returned says whether the job is done and no phone is missing.
bool all_returned(const core::admin::JobReport& report);

}  // namespace ringfence::shell

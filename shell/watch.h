// Watching a job that runs in ringfence-admin until it ends or the watcher leaves.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "core/admin/api.h"
#include "core/base/error.h"
#include "shell/call.h"
#include "shell/job_result.h"

namespace ringfence::shell {

/// WatchEnd is how a watch ended; after all but the first the job goes on.
enum class WatchEnd {
  job_ended,
  left,       ///< Ctrl-C
  time_over,  ///< the watch's timeout
  stopped,    ///< this Ringfence is being stopped; the job goes on when it starts again
};

struct Watched {
  core::admin::JobReport report;  ///< the last one seen
  WatchEnd end = WatchEnd::job_ended;
};

/// Timeout is how long to watch at most; nothing: until the job ends.
using Timeout = std::optional<std::chrono::seconds>;

/// ended says whether a job of this state has ended: it neither runs nor pauses.
bool ended(const core::admin::JobReport& report);

/// watch_job follows a job to its end and calls `changed` with each new report.
///
/// Ctrl-C leaves the watch at once. A daemon that stops answering is asked again for a minute
/// (a job survives its restart), then its Error{io} is thrown; one that is stopped says so. Other
/// errors of the daemon are thrown as they come.
Watched watch_job(Call& call, std::int64_t job,
                  const std::function<void(const core::admin::JobReport&)>& changed,
                  Timeout timeout = std::nullopt);

/// Pace tells how fast phones come to their end, from the last half minute.
class Pace {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  void note(Instant now, std::int64_t finished);
  double a_second() const;  ///< 0 when nothing has ended, and in the first two seconds
  /// left is how long `remaining` phones take at this pace; nothing while there is none.
  std::optional<std::chrono::seconds> left(std::int64_t remaining) const;

 private:
  struct Point {
    Instant at;
    std::int64_t finished = 0;
  };

  std::deque<Point> points_;
};

/// bulk_bar is one line of at most `columns` - 1 characters: a bar of the phones that have ended,
/// their count, each state's count, the pace and the time left, as far as there is room.
std::string bulk_bar(const core::admin::JobReport& report, const Pace& pace, std::size_t columns);

/// regeneration_bar is a bar of the phones that returned, as far as there is room beside their
/// count.
std::string regeneration_bar(const core::admin::JobReport& report, std::size_t columns);

/// PhoneProgress shows how far a job is: a bar redrawn in a terminal; elsewhere, for a regeneration
/// a line at the start of each tenth, for a bulk job a line when something changed, at most every
/// five seconds. Shows nothing before the change is published, or as JSON.
class PhoneProgress {
 public:
  using Now = std::function<Pace::Instant()>;

  explicit PhoneProgress(Call& call, Stream lines = Stream::output,
                         Now now = std::chrono::steady_clock::now)
      : call_(call), lines_(lines), now_(std::move(now)) {}

  void show(const core::admin::JobReport& report);

 private:
  void show_bulk(const core::admin::JobReport& report);

  Call& call_;
  Stream lines_;  ///< where lines go that are no bar
  Now now_;
  Pace pace_;
  std::int64_t tenth_ = -1;
  std::optional<Pace::Instant> said_at_;
  std::string said_;
};

/// say_left tells whoever left the watch that the job goes on, and how to watch it again.
Status say_left(Call& call, const Watched& watched, Stream lines = Stream::output);

/// all_well says whether the job is done, and every phone returned or succeeded.
bool all_well(const core::admin::JobReport& report);

/// status_of is the exit status for a job as it stands: success when all is well and nobody was
/// left out; phones_missing when the change is done and that is not so, or not so yet; else failed.
Status status_of(const core::admin::JobReport& report);

/// watch_to_end watches a job, shows its progress and its result. Its status is status_of.
Status watch_to_end(Call& call, std::int64_t job, Timeout timeout = std::nullopt,
                    Stream lines = Stream::output);

/// watch_change watches a job that gives a unit a new certificate: it says `published(report)`
/// once, when the change is made, and then how the phones return. Its status is status_of.
Status watch_change(Call& call, std::int64_t job,
                    const std::function<std::string(const core::admin::JobReport&)>& published,
                    Timeout timeout = std::nullopt);

}  // namespace ringfence::shell

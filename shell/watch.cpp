#include "shell/watch.h"

#include <future>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "shell/printable.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using core::admin::JobReport;
using core::admin::JobWaitRequest;
using namespace std::chrono_literals;

constexpr int kTries = 60;
constexpr std::size_t kShownMissing = 20;
constexpr std::int64_t kBarColumns = 30;

/// wait_for_change asks on a thread of its own, so that Ctrl-C does not have to wait for the
/// answer. Returns nothing when interrupted; the thread then ends with its answer, unheard.
std::optional<JobReport> wait_for_change(Call& call, const JobWaitRequest& request) {
  auto answer = std::make_shared<std::promise<boost::json::object>>();
  std::future<boost::json::object> coming = answer->get_future();
  std::thread([answer, admin = call.session.admin, request] {
    try {
      answer->set_value(admin->call("job.wait", core::admin::to_json(request), 60s));
    } catch (...) {
      answer->set_exception(std::current_exception());
    }
  }).detach();
  while (coming.wait_for(50ms) != std::future_status::ready) {
    if (call.session.console.interrupted()) return std::nullopt;
  }
  return core::admin::from_json<JobReport>(coming.get());
}

std::string returned_line(const JobReport& report) {
  return fmt::format("Job {}: {} of {} returned.", report.job, report.returned,
                     counted(report.total, "phone"));
}

}  // namespace

Watched watch_job(Call& call, std::int64_t job,
                  const std::function<void(const JobReport&)>& changed) {
  Watched watched;
  watched.report.job = job;
  std::int64_t seen = -1;
  int failures = 0;
  while (true) {
    try {
      const auto report = wait_for_change(call, {job, seen});
      if (!report) {
        watched.left = true;
        return watched;
      }
      watched.report = *report;
      failures = 0;
    } catch (const core::Error& error) {
      if (error.code() != core::Code::io || ++failures == kTries) throw;
      call.session.console.pause(1s);
      watched.left = call.session.console.interrupted();
      if (watched.left) return watched;
      continue;
    }
    changed(watched.report);
    if (watched.report.state != "running") return watched;
    seen = watched.report.revision;
  }
}

void PhoneProgress::show(const JobReport& report) {
  const bool ended = report.state != "running";
  if (call_.session.output == Output::json || !report.published) return;
  if (call_.session.console.interactive()) {
    if (ended || report.total == 0) return call_.session.console.progress("");
    const std::int64_t filled = kBarColumns * report.returned / report.total;
    const std::string bar(static_cast<std::size_t>(filled), '#');
    call_.session.console.progress(
        printable(fmt::format("[{:-<{}}] {}", bar, kBarColumns, returned_line(report))));
    return;
  }
  // job_result is the last line
  if (ended || report.total == 0 || report.returned == report.total) return;
  const std::int64_t tenth = 10 * report.returned / report.total;
  if (tenth == tenth_) return;
  tenth_ = tenth;
  call_.say(returned_line(report) + "\n");
}

std::string job_result(const JobReport& report) {
  if (report.total == 0) return fmt::format("Job {}: no phone had to be reset.\n", report.job);
  std::string text = returned_line(report) + "\n";
  const std::int64_t away = report.total - report.returned;
  if (away <= 0) return text;
  text += counted(away, "phone") + " did not return:\n";
  for (std::size_t i = 0; i < std::min(report.missing.size(), kShownMissing); ++i) {
    text += fmt::format("   {}   {}\n", one_line(report.missing[i].phone),
                        one_line(report.missing[i].state));
  }
  if (report.missing.size() > kShownMissing) {
    text += fmt::format("   and {} more\n", report.missing.size() - kShownMissing);
  }
  text += fmt::format("See them all with: show job {}\n", report.job);
  return text;
}

core::Error job_failure(const JobReport& report) {
  const std::string reason = report.message.empty() ? report.step : report.message;
  return {core::Code::internal, fmt::format("Job {} {}: {}", report.job, report.state, reason)};
}

Status say_left(Call& call, const Watched& watched) {
  if (call.session.console.interactive()) call.session.console.progress("");
  call.document(core::admin::to_json(watched.report));
  call.say(fmt::format("\nThe job goes on. Watch it again with: utils job wait {}\n",
                       watched.report.job));
  return Status::failed;
}

bool all_returned(const JobReport& report) {
  return report.state == "done" && report.returned >= report.total && report.missing.empty();
}

}  // namespace ringfence::shell

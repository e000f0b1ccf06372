#include "shell/watch.h"

#include <algorithm>
#include <future>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "shell/printable.h"
#include "shell/prose.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

using core::admin::JobReport;
using core::admin::JobWaitRequest;
using namespace std::chrono_literals;

constexpr int kTries = 60;
constexpr std::int64_t kBarColumns = 30;
constexpr std::int64_t kLeastBarColumns = 10;
constexpr auto kLineEvery = 5s;
constexpr auto kPaceOver = 30s;
constexpr auto kPaceFrom = 2s;

/// Leave says whether the watch is to be left now, and how.
using Leave = std::function<std::optional<WatchEnd>()>;

/// wait_for_change asks on a thread of its own, so that Ctrl-C does not have to wait for the
/// answer. Returns nothing when the watch is left; the thread then ends with its answer, unheard.
std::optional<JobReport> wait_for_change(Call& call, const JobWaitRequest& request,
                                         const Leave& leave) {
  auto answer = std::make_shared<std::promise<JobReport>>();
  std::future<JobReport> coming = answer->get_future();
  std::thread([answer, admin = call.session.admin, request] {
    try {
      answer->set_value(ask(*admin, core::admin::method::job_wait, request, 60s));
    } catch (...) {
      answer->set_exception(std::current_exception());
    }
  }).detach();
  while (coming.wait_for(50ms) != std::future_status::ready) {
    if (leave()) return std::nullopt;
  }
  return coming.get();
}

/// finished counts the phones of a bulk job that are in a final state.
std::int64_t finished(const JobReport& report) {
  std::int64_t count = 0;
  for (const std::string state : {"succeeded", "failed", "unreachable", "expired", "cancelled"})
    count += count_of(report, state);
  return count;
}

/// how_it_ended is what is said of a job before its count of phones: what kept it from its end, and
/// what went wrong beside the change.
std::string how_it_ended(const JobReport& report) {
  std::string text;
  if (report.state == "cancelled") {
    text = fmt::format("Job {} was cancelled.\n", report.job);
  } else if (report.state != "done") {
    text = fmt::format("Job {} {}: {}\n", report.job, report.state,
                       report.message.empty() ? report.step : report.message);
  }
  for (const std::string& warning : report.warnings) text += "WARNING: " + warning + "\n";
  return text;
}

std::string time_text(std::chrono::seconds time) {
  const auto seconds = time.count();
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{}:{:02} min", seconds / 60, seconds % 60);
  return fmt::format("{}:{:02} h", seconds / 3600, seconds / 60 % 60);
}

}  // namespace

bool ended(const JobReport& report) {
  return report.state != "running" && report.state != "paused";
}

void Pace::note(Instant now, std::int64_t finished) {
  points_.push_back({now, finished});
  while (points_.size() > 2 && now - points_.front().at > kPaceOver) points_.pop_front();
}

double Pace::a_second() const {
  if (points_.size() < 2) return 0;
  const std::chrono::duration<double> time = points_.back().at - points_.front().at;
  const auto count = static_cast<double>(points_.back().finished - points_.front().finished);
  return time >= kPaceFrom && count > 0 ? count / time.count() : 0;
}

std::optional<std::chrono::seconds> Pace::left(std::int64_t remaining) const {
  const double pace = a_second();
  if (pace <= 0) return std::nullopt;
  return std::chrono::seconds(static_cast<std::int64_t>(static_cast<double>(remaining) / pace) + 1);
}

std::string bulk_bar(const JobReport& report, const Pace& pace, std::size_t columns) {
  const std::int64_t done = finished(report);
  std::vector<std::string> parts = {fmt::format("{}/{}", done, report.total)};
  if (report.state == "paused") parts.emplace_back("paused");
  std::string counts = counts_text(report);
  if (!counts.empty()) parts.push_back(std::move(counts));
  if (pace.a_second() > 0) parts.push_back(fmt::format("{:.1f}/s", pace.a_second()));
  const auto left = pace.left(report.total - done);
  if (left && done < report.total) parts.push_back(time_text(*left) + " left");

  const auto room = static_cast<std::int64_t>(columns) - 1;
  std::string text;
  for (const std::string& part : parts) {
    const auto length = static_cast<std::int64_t>(text.size() + part.size()) + 2;
    if (length + kLeastBarColumns + 2 > room) break;
    text += "  " + part;
  }
  const std::int64_t bar = std::min(kBarColumns, room - static_cast<std::int64_t>(text.size()) - 2);
  if (bar < 1) return text.substr(0, static_cast<std::size_t>(std::max<std::int64_t>(room, 0)));
  const std::int64_t filled = report.total == 0 ? 0 : bar * done / report.total;
  return fmt::format("[{:-<{}}]{}", std::string(static_cast<std::size_t>(filled), '#'), bar, text);
}

std::string regeneration_bar(const JobReport& report, std::size_t columns) {
  std::string text = returned_line(report);
  const std::int64_t room = static_cast<std::int64_t>(columns) - 1;
  const std::int64_t bar = std::min(kBarColumns, room - std::ssize(text) - 3);
  if (bar < kLeastBarColumns || report.total == 0) return text;
  const std::int64_t filled = bar * done_phones(report) / report.total;
  return fmt::format("[{:-<{}}] {}", std::string(static_cast<std::size_t>(filled), '#'), bar, text);
}

Watched watch_job(Call& call, std::int64_t job,
                  const std::function<void(const JobReport&)>& changed, Timeout timeout) {
  const auto began = std::chrono::steady_clock::now();
  const Leave leave = [&]() -> std::optional<WatchEnd> {
    if (call.session.console.interrupted()) return WatchEnd::left;
    if (timeout && std::chrono::steady_clock::now() - began >= *timeout) return WatchEnd::time_over;
    return std::nullopt;
  };
  Watched watched;
  watched.report.job = job;
  std::int64_t seen = -1;
  int failures = 0;
  while (true) {
    try {
      const auto report = wait_for_change(call, {job, seen}, leave);
      if (!report) {
        watched.end = leave().value_or(WatchEnd::left);
        return watched;
      }
      watched.report = *report;
      failures = 0;
    } catch (const core::Error& error) {
      if (error.code() != core::Code::io || ++failures == kTries) throw;
      call.session.console.pause(1s);
      if (const auto end = leave()) {
        watched.end = *end;
        return watched;
      }
      continue;
    }
    changed(watched.report);
    if (ended(watched.report)) return watched;
    if (watched.report.stopping) {
      watched.end = WatchEnd::stopped;
      return watched;
    }
    if (const auto end = leave()) {
      watched.end = *end;
      return watched;
    }
    seen = watched.report.revision;
  }
}

void PhoneProgress::show_bulk(const JobReport& report) {
  Console& console = call_.session.console;
  const Pace::Instant now = now_();
  pace_.note(now, finished(report));
  if (console.interactive()) {
    console.progress(ended(report) ? "" : printable(bulk_bar(report, pace_, console.columns())));
    return;
  }
  if (ended(report)) return;  // job_result is the last line
  std::string line = fmt::format("Job {}: {} of {} have ended ({}).", report.job, finished(report),
                                 counted(report.total, "phone"), counts_text(report));
  if (report.state == "paused") line += " The job is paused.";
  if (line == said_ || (said_at_ && now - *said_at_ < kLineEvery)) return;
  said_ = line;
  said_at_ = now;
  console.write(lines_, printable(line + "\n"));
}

void PhoneProgress::show(const JobReport& report) {
  if (call_.session.output == Output::json || !report.published) return;
  if (is_bulk(report)) return show_bulk(report);
  const bool over = ended(report);
  if (call_.session.console.interactive()) {
    if (over || report.total == 0) return call_.session.console.progress("");
    return call_.session.console.progress(
        printable(regeneration_bar(report, call_.session.console.columns())));
  }
  // job_result is the last line
  if (over || report.total == 0 || report.returned == report.total) return;
  const std::int64_t tenth = 10 * report.returned / report.total;
  if (tenth == tenth_) return;
  tenth_ = tenth;
  call_.say(returned_line(report) + "\n");
}

Status say_left(Call& call, const Watched& watched, Stream lines) {
  if (call.session.console.interactive()) call.session.console.progress("");
  JobReport report = watched.report;
  const std::string again = fmt::format("utils job wait {}", report.job);
  const std::string_view goes = report.state == "paused" ? "is paused" : "goes on";
  std::string sentence;
  switch (watched.end) {
    case WatchEnd::job_ended:
    case WatchEnd::left:
      sentence = fmt::format("The job {}. Watch it again with: {}", goes, again);
      break;
    case WatchEnd::time_over:
      sentence = report.published
                     ? fmt::format(
                           "The time is over with {} of {} {}; the job {}. Watch it again with: {}",
                           done_phones(report), counted(report.total, "phone"),
                           is_bulk(report) ? "done" : done_word(report), goes, again)
                     : fmt::format(
                           "The time is over and the change is not made yet; the job goes "
                           "on. Watch it again with: {}",
                           again);
      break;
    case WatchEnd::stopped:
      sentence = fmt::format(
          "Ringfence is being stopped. Job {} goes on when it starts again. Watch it then with: {}",
          report.job, again);
      break;
  }
  const bool waits = report.step.starts_with("waiting") || report.step.starts_with("cancelled");
  if (waits) sentence += fmt::format("\nWhat it does now: {}.", report.step);
  if (call.session.output == Output::json) {
    report.notes.push_back(sentence);
    call.document(core::admin::to_json(report));
  } else {
    call.session.console.write(lines, wrapped(printable("\n" + sentence + "\n"), call.columns()));
  }
  return status_of(report);
}

bool all_well(const JobReport& report) {
  return report.state == "done" && done_phones(report) >= report.total && report.missing.empty();
}

Status status_of(const JobReport& report) {
  if (!report.published || (is_bulk(report) && report.state == "failed")) return Status::failed;
  const bool told = report.untold_services.empty();
  return all_well(report) && told && report.left_out == 0 ? Status::success
                                                          : Status::phones_missing;
}

Status watch_to_end(Call& call, std::int64_t job, Timeout timeout, Stream lines) {
  PhoneProgress progress(call, lines);
  const Watched watched = watch_job(
      call, job, [&](const JobReport& report) { progress.show(report); }, timeout);
  if (watched.end != WatchEnd::job_ended) return say_left(call, watched, lines);
  const JobReport& report = watched.report;
  const Status status = status_of(report);
  if (call.session.output == Output::json) {
    call.answer(report, "");
    return status;
  }
  if (status == Status::failed) throw job_failure(report);
  const std::string text = how_it_ended(report) + job_result(report);
  if (lines == Stream::output) {
    call.say(text);
  } else {
    call.session.console.write(lines, wrapped(printable(text), call.columns()));
  }
  return status;
}

Status watch_change(Call& call, std::int64_t job,
                    const std::function<std::string(const JobReport&)>& published,
                    Timeout timeout) {
  bool told = false;
  PhoneProgress progress(call);
  const Watched watched = watch_job(
      call, job,
      [&](const JobReport& report) {
        if (report.published && !told) {
          told = true;
          call.say(published(report));
        }
        progress.show(report);
      },
      timeout);
  if (watched.end != WatchEnd::job_ended) return say_left(call, watched);
  const JobReport& report = watched.report;
  if (!report.published) {
    if (call.session.output == Output::text) throw job_failure(report);
    call.document(to_json(report));
    return Status::failed;
  }
  call.answer(report, how_it_ended(report) + job_result(report));
  return status_of(report);
}

}  // namespace ringfence::shell

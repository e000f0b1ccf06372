#include "services/admin/jobs/jobs.h"

#include <algorithm>
#include <chrono>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::ItemState;
using core::Job;
using core::JobWanted;
using core::admin::JobReport;

namespace {

constexpr std::chrono::seconds kLongestWait{20};
constexpr std::size_t kJobsListed = 50;
constexpr std::size_t kMostMissingNamed = 1000;

/// What has not gone well is named first, where not all can be named.
const std::vector<ItemState> kMissing = {
    ItemState::refused, ItemState::failed,       ItemState::unproven,  ItemState::unreachable,
    ItemState::expired, ItemState::not_returned, ItemState::cancelled, ItemState::removed,
    ItemState::away,    ItemState::reset_sent,   ItemState::enrolling, ItemState::applied,
    ItemState::waiting};

std::int64_t number(std::size_t count) {
  return static_cast<std::int64_t>(count);
}

}  // namespace

void Jobs::add(JobKind& kind) {
  kinds_.push_back(&kind);
}

void Jobs::resume() {
  for (JobKind* kind : kinds_) kind->resume();
}

void Jobs::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (JobKind* kind : kinds_) kind->stop();
}

void Jobs::touch(std::int64_t job) {
  {
    const std::lock_guard lock(mutex_);
    ++revisions_[job];
  }
  changed_.notify_all();
}

void Jobs::moved(std::int64_t job, const core::JobCounts& counts) {
  {
    const std::lock_guard lock(mutex_);
    counts_[job] = counts;
  }
  touch(job);
}

core::JobCounts Jobs::counts(const Job& job) {
  {
    const std::lock_guard lock(mutex_);
    if (ended(job.state))
      counts_.erase(job.id);
    else if (const auto found = counts_.find(job.id); found != counts_.end())
      return found->second;
  }
  return store_.counts(job.id);
}

JobReport Jobs::describe(const Job& job) {
  JobReport report;
  report.job = job.id;
  {
    const std::lock_guard lock(mutex_);
    report.revision = revisions_[job.id];
    report.stopping = stopping_ && !ended(job.state);
  }
  const core::JobCounts counts = this->counts(job);
  report.kind = job.kind;
  report.who = job.who;
  report.state = word(job.state);
  report.step = job.step;
  // What is wanted comes about soon: until then it is said.
  if (!ended(job.state) && job.wanted == JobWanted::pause && job.state != core::JobState::paused)
    report.step = "pausing: " + job.step;
  if (!ended(job.state) && job.wanted == JobWanted::cancel && !job.step.starts_with("cancelled"))
    report.step = job.state == core::JobState::paused ? "cancelling" : "cancelling: " + job.step;
  report.message = job.message;
  report.started = core::to_iso(job.started);
  if (job.finished) report.finished = core::to_iso(*job.finished);
  report.total = number(counts.total);
  report.waiting = number(counts.of(ItemState::waiting));
  report.reset_sent = number(counts.of(ItemState::reset_sent));
  report.returned = number(counts.of(ItemState::returned));
  report.not_returned = number(counts.of(ItemState::not_returned));
  report.failed = number(counts.of(ItemState::failed));
  report.refused = number(counts.of(ItemState::refused));
  report.unproven = number(counts.of(ItemState::unproven));
  for (const auto& [state, count] : counts.by_state)
    report.counts.push_back({std::string(word(state)), number(count)});
  for (const JobKind* kind : kinds_)
    if (kind->kind() == job.kind) kind->describe(job, report);
  return report;
}

JobReport Jobs::report(std::int64_t job) {
  JobReport report = describe(store_.find(job));
  for (const core::JobItem& item : store_.items_in(job, kMissing, kMostMissingNamed))
    report.missing.push_back(
        {item.phone, std::string(word(item.state)), core::to_iso(item.changed), item.detail});
  std::sort(report.missing.begin(), report.missing.end(),
            [](const auto& a, const auto& b) { return a.phone < b.phone; });
  return report;
}

JobReport Jobs::wait(std::int64_t job, std::int64_t seen) {
  if (!ended(store_.find(job).state)) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLongestWait, [&] { return stopping_ || revisions_[job] != seen; });
  }
  return report(job);
}

core::admin::JobList Jobs::list() {
  core::admin::JobList list;
  for (const Job& job : store_.list(kJobsListed)) list.jobs.push_back(describe(job));
  return list;
}

JobReport Jobs::want(std::int64_t job, JobWanted wanted) {
  const Job found = store_.find(job);
  if (ended(found.state))
    throw Error(Code::conflict, fmt::format("job {} has ended ({}); 'show job {}' tells how", job,
                                            word(found.state), job));
  if (found.wanted == JobWanted::cancel && wanted != JobWanted::cancel)
    throw Error(Code::conflict, fmt::format("job {} is being cancelled already", job));
  store_.want(job, wanted);
  touch(job);
  return report(job);
}

std::vector<std::string> first_names(std::vector<std::string> names) {
  constexpr std::size_t kMostNamed = 100;
  if (names.size() > kMostNamed) names.resize(kMostNamed);
  return names;
}

std::string being_cancelled(const Job& job) {
  return fmt::format(
      "job {0} ({1}) is being cancelled; watch it with 'utils job wait {0}', and begin when it has "
      "ended",
      job.id, job.kind);
}

void Jobs::refuse_while_phones_are_reset() const {
  for (const Job& job : store_.unfinished()) {
    if (job.kind != "regenerate" && job.kind != "phone-reset") continue;
    if (job.wanted == JobWanted::cancel) throw Error(Code::conflict, being_cancelled(job));
    if (job.wanted == JobWanted::pause)
      throw Error(Code::conflict,
                  fmt::format("job {0} ({1}) is paused and has not told every phone; let it go on "
                              "with 'utils job resume {0}', or end it with 'utils job cancel {0}'",
                              job.id, job.kind));
    throw Error(
        Code::conflict,
        fmt::format("job {0} ({1}) is still resetting phones; watch it with 'utils job wait "
                    "{0}', and begin when every phone is back",
                    job.id, job.kind));
  }
}

void end_job(House& house, const Job& job, const std::string& event) {
  const auto record = [&](bool audit) {
    core::Database::Transaction transaction(house.database);
    house.jobs.update(job);
    if (audit) {
      boost::json::object detail{{"job", job.id}, {"state", word(job.state)}};
      if (!job.message.empty()) detail["message"] = job.message;
      boost::json::object phones;
      for (const auto& [state, count] : house.jobs.counts(job.id).by_state)
        phones[word(state)] = count;
      detail["phones"] = std::move(phones);
      const bool failed =
          job.state == core::JobState::failed || job.state == core::JobState::interrupted;
      house.record_act(job.who, event + (failed ? "_FAILED" : "_DONE"),
                       boost::json::serialize(detail));
    }
    transaction.commit();
  };
  try {
    record(true);
  } catch (const std::exception& error) {
    core::log(core::Level::error, "AUDIT_NOT_WRITTEN",
              {{"event", event}, {"job", std::to_string(job.id)}, {"why", error.what()}});
    record(false);
  }
  core::log(core::Level::notice, "JOB_FINISHED",
            {{"job", std::to_string(job.id)},
             {"state", std::string(word(job.state))},
             {"message", job.message}});
}

void until_recorded(const std::function<void()>& record,
                    const std::function<bool(std::chrono::milliseconds)>& stopping_within) {
  constexpr std::chrono::seconds kRecordAgainAfter{5};
  std::string complaint;
  for (;;) {
    try {
      return record();
    } catch (const std::exception& error) {
      if (complaint != error.what())
        core::log(core::Level::error, "JOB_NOT_RECORDED", {{"why", error.what()}});
      complaint = error.what();
    }
    if (stopping_within(kRecordAgainAfter)) return;
  }
}

}  // namespace ringfence::services::admin

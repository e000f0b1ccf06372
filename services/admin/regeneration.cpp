#include "services/admin/regeneration.h"

#include <chrono>
#include <set>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "services/admin/phone_watch.h"
#include "services/admin/reset_request.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::ItemState;
using core::Job;
using core::JobItem;
using core::JobState;
using core::Level;
using core::log;
using core::Unit;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

constexpr std::size_t kOutstandingResets = 500;
constexpr std::size_t kMostMissingNamed = 1000;
constexpr auto kLookEvery = 200ms;
constexpr auto kQuietUntilGivenUp = 120s;  // counted from the last phone that moved on
constexpr auto kLongestWait = 20s;

}  // namespace

struct Regeneration::Progress {
  Unit unit = Unit::capf;
  bool published = false;
  std::string itl_sha1;

  std::string to_text() const {
    return json::serialize(json::object{
        {"unit", std::string(name(unit))}, {"published", published}, {"itl_sha1", itl_sha1}});
  }

  static Progress from_text(const std::string& text) {
    const json::value value = json::parse(text);
    const json::object& object = value.as_object();
    const auto unit = core::unit_named(std::string_view(object.at("unit").as_string()));
    if (!unit) throw Error(Code::malformed, "a job names a unit that does not exist");
    return {*unit, object.at("published").as_bool(),
            std::string(object.at("itl_sha1").as_string())};
  }
};

Regeneration::~Regeneration() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

core::admin::RegeneratePlan Regeneration::plan(Unit unit) {
  core::admin::RegeneratePlan plan;
  plan.unit = name(unit);
  plan.phones = static_cast<std::int64_t>(house_.phones.count());
  std::set<std::string> registered;
  for (const core::Registration& one : house_.registrations()) registered.insert(one.device);
  plan.phones_reset = static_cast<std::int64_t>(registered.size());

  const std::string served = keeper_.served_itl_sha1();
  std::map<std::string, std::string> fetched;
  for (const core::Fetch& one : house_.last_itls()) fetched[one.device] = one.sha1;
  std::size_t behind = 0;
  for (const std::string& phone : registered)
    if (fetches_trust_lists(phone) && fetched[phone] != served) ++behind;
  if (plan.phones > plan.phones_reset)
    plan.notes.push_back(fmt::format(
        "{} known phones are not registered; they are not reset and fetch the new ITL when they "
        "next start.",
        plan.phones - plan.phones_reset));
  if (behind > 0)
    plan.notes.push_back(fmt::format(
        "{} registered phones have not fetched the ITL that is served now; let them come back "
        "first, or they may need a TVS to accept the next one.",
        behind));
  if (unit == Unit::call_manager || unit == Unit::tvs)
    plan.notes.emplace_back(
        "Do not regenerate CallManager and TVS before every phone has come back from the first of "
        "the two: a phone that knows neither has to be unlocked by hand.");
  if (unit == Unit::itl_recovery)
    plan.notes.emplace_back(
        "ITLRecovery is what 'utils itl reset localkey' signs with: phones that stay away keep "
        "the old one.");
  if (unit == Unit::capf)
    plan.notes.emplace_back(
        "LSCs of the old CAPF stay valid: it is kept in CAPF-trust and CallManager-trust. Give "
        "ISE, "
        "ASA and RADIUS the new CAPF certificate before phones get new LSCs.");
  return plan;
}

std::int64_t Regeneration::start(Unit unit, const std::string& who) {
  const std::lock_guard lock(mutex_);
  if (running_)
    throw Error(Code::conflict,
                "a regeneration is still running; watch it with 'show job list', and begin the "
                "next one when every phone is back");
  if (thread_.joinable()) thread_.join();
  Progress progress;
  progress.unit = unit;
  Job job;
  job.kind = "regenerate";
  job.arguments = progress.to_text();
  job.who = who;
  job.step = "starting";
  job.started = house_.clock.now();
  job.id = house_.jobs.create(job);
  running_ = true;
  thread_ = std::thread([this, job, progress] { run(job, progress); });
  return job.id;
}

void Regeneration::resume() {
  for (Job& job : house_.jobs.unfinished()) {
    const Progress progress = Progress::from_text(job.arguments);
    if (!progress.published || thread_.joinable()) {
      finish(job, progress, JobState::interrupted,
             "ringfence-admin ended before the new certificate was published; look at 'show cert "
             "own' and regenerate again if it is still the old one");
      continue;
    }
    running_ = true;
    thread_ = std::thread([this, job, progress] { run(job, progress); });
  }
}

void Regeneration::run(Job job, Progress progress) {
  try {
    if (!progress.published) change(job, progress);
    await_phones(job, progress);
  } catch (const std::exception& error) {
    log(Level::error, "REGENERATION_FAILED",
        {{"job", std::to_string(job.id)}, {"why", error.what()}});
    try {
      finish(job, progress, JobState::failed,
             progress.published
                 ? fmt::format("{} has its new certificate and the ITL is published, "
                               "but the phones were not all reset: {}",
                               name(progress.unit), error.what())
                 : std::string(error.what()));
    } catch (const std::exception& second) {
      log(Level::error, "JOB_NOT_RECORDED", {{"why", second.what()}});
    }
  }
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
  }
  changed_.notify_all();
}

void Regeneration::change(Job& job, Progress& progress) {
  job.step = fmt::format("making a new key and certificate for {}", name(progress.unit));
  save(job, progress);
  // Who is registered is asked before the change, so that nobody who returns early is missed.
  std::vector<JobItem> items;
  std::set<std::string> seen;
  for (const core::Registration& one : house_.registrations())
    if (seen.insert(one.device).second)
      items.push_back({one.device, ItemState::waiting, house_.clock.now()});
  house_.jobs.set_items(job.id, items);
  progress.itl_sha1 = keeper_.regenerate(progress.unit, job.who);
  progress.published = true;
  job.step = "resetting phones";
  save(job, progress);
}

void Regeneration::await_phones(Job& job, const Progress& progress) {
  std::map<std::string, std::set<std::string>> calls;
  std::vector<JobItem> items = house_.jobs.items(job.id);
  const bool fresh = std::all_of(items.begin(), items.end(), [](const JobItem& item) {
    return item.state == ItemState::waiting;
  });
  if (fresh)
    for (const core::Registration& one : house_.registrations())
      calls[one.device].insert(one.call_id);
  PhoneWatch watch(std::move(items), std::move(calls));

  auto last_move = std::chrono::steady_clock::now();
  while (!watch.finished()) {
    const core::Time now = house_.clock.now();
    std::vector<JobItem> moved = watch.next_wave(kOutstandingResets, now);
    if (!moved.empty()) {
      house_.jobs.set_items(job.id, moved);
      std::vector<std::string> devices;
      for (const JobItem& item : moved) devices.push_back(item.phone);
      const auto unknown = request_reset(house_.config, job.id, "reset", devices);
      house_.jobs.set_items(job.id, watch.unreachable(unknown, now));
    }
    const std::vector<JobItem> seen =
        watch.observe({house_.registrations(),
                       house_.last_itls(),
                       house_.resets(job.id),
                       {progress.itl_sha1, keeper_.served_itl_sha1()}},
                      now);
    house_.jobs.set_items(job.id, seen);
    if (!moved.empty() || !seen.empty()) {
      last_move = std::chrono::steady_clock::now();
      touch(job.id);
    }
    if (std::chrono::steady_clock::now() - last_move > kQuietUntilGivenUp)
      house_.jobs.set_items(job.id, watch.give_up(now));
    if (stopping_within(kLookEvery)) return;  // the next start resumes the job
  }
  const core::JobCounts counts = house_.jobs.counts(job.id);
  finish(job, progress, JobState::done,
         fmt::format("{} of {} phones returned", counts.returned, counts.total));
}

void Regeneration::save(Job& job, const Progress& progress) {
  job.arguments = progress.to_text();
  house_.jobs.update(job);
  touch(job.id);
}

void Regeneration::finish(Job& job, const Progress& progress, JobState state,
                          const std::string& message) {
  job.state = state;
  job.message = message;
  job.step = state == JobState::done ? "done" : job.step;
  job.finished = house_.clock.now();
  save(job, progress);
  log(Level::notice, "JOB_FINISHED",
      {{"job", std::to_string(job.id)}, {"state", std::string(word(state))}, {"message", message}});
}

void Regeneration::touch(std::int64_t job) {
  {
    const std::lock_guard lock(mutex_);
    ++revisions_[job];
  }
  changed_.notify_all();
}

bool Regeneration::stopping_within(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return stopping_; });
}

core::admin::JobReport Regeneration::describe(const Job& job) {
  const Progress progress = Progress::from_text(job.arguments);
  const core::JobCounts counts = house_.jobs.counts(job.id);
  core::admin::JobReport report;
  report.job = job.id;
  {
    const std::lock_guard lock(mutex_);
    report.revision = revisions_[job.id];
  }
  report.kind = job.kind;
  report.subject = name(progress.unit);
  report.who = job.who;
  report.state = word(job.state);
  report.step = job.step;
  report.message = job.message;
  report.published = progress.published;
  report.started = core::to_iso(job.started);
  if (job.finished) report.finished = core::to_iso(*job.finished);
  report.total = static_cast<std::int64_t>(counts.total);
  report.waiting = static_cast<std::int64_t>(counts.waiting);
  report.reset_sent = static_cast<std::int64_t>(counts.reset_sent);
  report.returned = static_cast<std::int64_t>(counts.returned);
  report.not_returned = static_cast<std::int64_t>(counts.not_returned);
  report.failed = static_cast<std::int64_t>(counts.failed);
  return report;
}

core::admin::JobReport Regeneration::report(std::int64_t job) {
  core::admin::JobReport report = describe(house_.jobs.find(job));
  for (const JobItem& item : house_.jobs.items(job)) {
    if (item.state == ItemState::returned || report.missing.size() >= kMostMissingNamed) continue;
    report.missing.push_back(
        {item.phone, std::string(word(item.state)), core::to_iso(item.changed)});
  }
  return report;
}

core::admin::JobReport Regeneration::wait(std::int64_t job, std::int64_t seen) {
  if (house_.jobs.find(job).state == JobState::running) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLongestWait,
                      [&] { return stopping_ || !running_ || revisions_[job] > seen; });
  }
  return report(job);
}

core::admin::JobList Regeneration::list() {
  constexpr std::size_t kJobsListed = 50;
  core::admin::JobList list;
  for (const Job& job : house_.jobs.list(kJobsListed)) list.jobs.push_back(describe(job));
  return list;
}

}  // namespace ringfence::services::admin

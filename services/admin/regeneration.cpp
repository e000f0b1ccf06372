#include "services/admin/regeneration.h"

#include <algorithm>
#include <chrono>
#include <set>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/crypto/x509.h"
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
constexpr auto kRegistrarAwayAtMost = 300s;
constexpr auto kLongestWait = 20s;

Service registrar() {
  return *service_named("Cisco CallManager");
}

}  // namespace

struct Regeneration::Progress {
  Unit unit = Unit::capf;
  bool published = false;
  std::string itl_sha1;
  std::string old_serial;  ///< of the certificate that is replaced, hex

  std::string to_text() const {
    return json::serialize(json::object{{"unit", std::string(name(unit))},
                                        {"published", published},
                                        {"itl_sha1", itl_sha1},
                                        {"old_serial", old_serial}});
  }

  static Progress from_text(const std::string& text) {
    const json::value value = json::parse(text);
    const json::object& object = value.as_object();
    const auto unit = core::unit_named(std::string_view(object.at("unit").as_string()));
    if (!unit) throw Error(Code::malformed, "a job names a unit that does not exist");
    return {*unit, object.at("published").as_bool(), std::string(object.at("itl_sha1").as_string()),
            std::string(object.at("old_serial").as_string())};
  }
};

Regeneration::~Regeneration() {
  stop();
}

void Regeneration::stop() {
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
  note_phones(plan);
  note_services(unit, plan);
  note_unit(unit, plan);
  return plan;
}

void Regeneration::note_phones(core::admin::RegeneratePlan& plan) {
  if (plan.phones > plan.phones_reset)
    plan.notes.push_back(fmt::format(
        "{} known phones are not registered; they are not reset and fetch the new ITL when they "
        "next start.",
        plan.phones - plan.phones_reset));
  // A phone that never fetched a list has none, and takes its first on faith.
  const std::string served = keeper_.served_itl_sha1();
  std::size_t behind = 0;
  for (const core::Fetch& one : house_.last_itls())
    if (fetches_trust_lists(one.device) && one.sha1 != served) ++behind;
  if (behind > 0)
    plan.notes.push_back(fmt::format(
        "{} phones hold an older ITL than the one that is served now. Let them come back first: a "
        "phone that missed the last change and then this one may know neither the ITL's signer nor "
        "a TVS, and then has to be unlocked by hand.",
        behind));
}

void Regeneration::note_services(Unit unit, core::admin::RegeneratePlan& plan) {
  const auto stopped = [&](std::string_view daemon) {
    return std::any_of(kServices.begin(), kServices.end(), [&](const Service& service) {
      return service.daemon == daemon && services_.state(service).state != "STARTED";
    });
  };
  if (stopped("tvs") && (unit == Unit::call_manager || unit == Unit::itl_recovery))
    plan.notes.emplace_back(
        "Cisco Trust Verification Service does not run: phones cannot ask about the new signer and "
        "will refuse the new ITL. Start it first.");
  if (stopped("callmanager"))
    plan.notes.emplace_back(
        "Cisco CallManager does not run, so no phone can be reset. Start it first, or run "
        "'utils phone reset all' afterwards.");
}

void Regeneration::note_unit(Unit unit, core::admin::RegeneratePlan& plan) {
  const auto served = house_.lists.last("ITL");
  const Unit normal = unit_of(core::normal_signer_of(house_.config.release()));
  if (served && served->signer != name(normal))
    plan.notes.push_back(fmt::format(
        "The ITL that is served now was signed by {} ('utils itl reset localkey'). This publishes "
        "one that {} signs: let every phone fetch the recovery list first.",
        served->signer, name(normal)));
  switch (unit) {
    case Unit::call_manager:
    case Unit::tvs:
      plan.notes.emplace_back(
          "Do not regenerate CallManager and TVS before every phone has come back from the first "
          "of the two: a phone that knows neither has to be unlocked by hand.");
      break;
    case Unit::itl_recovery:
      plan.notes.emplace_back(
          "ITLRecovery is what 'utils itl reset localkey' signs with: phones that stay away keep "
          "the old one.");
      break;
    case Unit::capf:
      plan.notes.emplace_back(
          "LSCs of the old CAPF stay valid: it is kept in CAPF-trust and CallManager-trust. Give "
          "ISE, ASA and RADIUS the new CAPF certificate before phones get new LSCs.");
      break;
    case Unit::call_manager_ecdsa: break;
  }
}

std::int64_t Regeneration::start(Unit unit, const std::string& who) {
  const std::lock_guard lock(mutex_);
  if (!resumed_)
    throw Error(Code::conflict,
                "Ringfence is still starting its services; try again when 'utils service list' "
                "shows all of them STARTED");
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
    try {
      Progress progress = Progress::from_text(job.arguments);
      if (!progress.published && !progress.old_serial.empty() &&
          serial_of(progress.unit) != progress.old_serial) {
        // The change was made and admin's start has published the ITL: only the note was lost.
        progress.published = true;
        progress.itl_sha1 = keeper_.served_itl_sha1();
        save(job, progress);
      }
      if (!progress.published || thread_.joinable()) {
        finish(job, progress, JobState::interrupted,
               "ringfence-admin ended before anything was changed; regenerate again");
        continue;
      }
      running_ = true;
      thread_ = std::thread([this, job, progress] { run(job, progress); });
    } catch (const std::exception& error) {
      log(Level::error, "JOB_NOT_RESUMED",
          {{"job", std::to_string(job.id)}, {"why", error.what()}});
    }
  }
  {
    const std::lock_guard lock(mutex_);
    resumed_ = true;
  }
  changed_.notify_all();
}

std::string Regeneration::serial_of(Unit unit) {
  const auto own = house_.certificates.own(unit);
  return own ? core::to_hex(core::serial_of(*core::parse_certificate(own->der))) : "";
}

void Regeneration::run(Job job, Progress progress) {
  try {
    if (!progress.published) change(job, progress);
    await_phones(job, progress);
  } catch (const std::exception& error) {
    log(Level::error, "REGENERATION_FAILED",
        {{"job", std::to_string(job.id)}, {"why", error.what()}});
    try {
      close_items(job.id);
      finish(job, progress, JobState::failed,
             progress.published
                 ? fmt::format("{} has its new certificate and the ITL is published, "
                               "but the phones were not all reset: {}; when that is "
                               "mended, run 'utils phone reset all'",
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
  progress.old_serial = serial_of(progress.unit);
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
  PhoneWatch watch(house_.jobs.items(job.id), house_.resets(job.id));

  auto registrar_seen = std::chrono::steady_clock::now();
  while (!watch.finished()) {
    const core::Time now = house_.clock.now();
    const std::vector<JobItem> wave =
        watch.next_wave(house_.registrations(), kOutstandingResets, now);
    try {
      std::vector<std::string> devices;
      for (const JobItem& item : wave) devices.push_back(item.phone);
      const auto unknown = request_reset(house_.config, job.id, "reset", devices);
      house_.jobs.set_items(job.id, wave);
      house_.jobs.set_items(job.id, watch.unreachable(unknown, now));
      registrar_seen = std::chrono::steady_clock::now();
      note_step(job, progress, "resetting phones");
    } catch (const Error& error) {
      if (error.code() != Code::io ||
          std::chrono::steady_clock::now() - registrar_seen > kRegistrarAwayAtMost ||
          services_.state(registrar()).reason == kCommandedOut)
        throw;
      watch.put_back(wave, now);  // it goes out when Cisco CallManager is back
      note_step(job, progress, "waiting for Cisco CallManager, which does not answer");
    }
    const std::vector<JobItem> moved =
        watch.observe({house_.registrations(),
                       house_.last_itls(),
                       house_.resets(job.id),
                       {progress.itl_sha1, keeper_.served_itl_sha1()}},
                      now);
    house_.jobs.set_items(job.id, moved);
    if (!wave.empty() || !moved.empty()) touch(job.id);
    if (stopping_within(kLookEvery)) return;  // the next start resumes the job
  }
  const core::JobCounts counts = house_.jobs.counts(job.id);
  finish(job, progress, JobState::done,
         fmt::format("{} of {} phones returned", counts.returned, counts.total));
}

void Regeneration::close_items(std::int64_t job) {
  std::vector<JobItem> open;
  for (JobItem& item : house_.jobs.items(job)) {
    if (item.state != ItemState::waiting && item.state != ItemState::reset_sent) continue;
    open.push_back({item.phone, ItemState::not_returned, house_.clock.now()});
  }
  house_.jobs.set_items(job, open);
}

void Regeneration::note_step(Job& job, const Progress& progress, const std::string& step) {
  if (job.step == step) return;
  job.step = step;
  save(job, progress);
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
    changed_.wait_for(lock, kLongestWait, [&] {
      return stopping_ || (resumed_ && !running_) || revisions_[job] != seen;
    });
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

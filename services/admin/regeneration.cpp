#include "services/admin/regeneration.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/crypto/x509.h"
#include "services/admin/phone_watch.h"
#include "services/admin/reset_request.h"
#include "services/admin/trust_ledger.h"

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
constexpr auto kLookEvery = 200ms;
constexpr auto kRegistrarAwayAtMost = 300s;

Service registrar() {
  return *service_named("Cisco CallManager");
}

}  // namespace

struct Regeneration::Progress {
  Unit unit = Unit::capf;
  bool published = false;
  std::string itl_sha1;
  std::string old_serial;  ///< of the certificate that is replaced, hex
  bool imported = false;   ///< somebody else signed the new certificate

  std::string to_text() const {
    return json::serialize(json::object{{"unit", std::string(name(unit))},
                                        {"published", published},
                                        {"itl_sha1", itl_sha1},
                                        {"old_serial", old_serial},
                                        {"imported", imported}});
  }

  static Progress from_text(const std::string& text) {
    const json::value value = json::parse(text);
    const json::object& object = value.as_object();
    const auto unit = core::unit_named(std::string_view(object.at("unit").as_string()));
    if (!unit) throw Error(Code::malformed, "a job names a unit that does not exist");
    return {*unit, object.at("published").as_bool(), std::string(object.at("itl_sha1").as_string()),
            std::string(object.at("old_serial").as_string()),
            object.contains("imported") && object.at("imported").as_bool()};
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
  const TrustCounts trust = house_.trust().counts();
  if (trust.older + trust.refused > 0)
    plan.notes.push_back(fmt::format(
        "{} phones hold an older ITL than the one that is served now. Let them come back first: a "
        "phone that missed the last change and then this one may know neither the ITL's signer nor "
        "a TVS, and then has to be unlocked by hand.",
        trust.older + trust.refused));
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
  Progress progress;
  progress.unit = unit;
  return start(std::move(progress), who,
               [this, unit](const std::string& by) { return keeper_.regenerate(unit, by); });
}

std::int64_t Regeneration::start_import(Unit unit, const std::string& who, Change change) {
  Progress progress;
  progress.unit = unit;
  progress.imported = true;
  return start(std::move(progress), who, std::move(change));
}

std::int64_t Regeneration::start(Progress progress, const std::string& who, Change change) {
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
  Job job;
  job.kind = kKind;
  job.arguments = progress.to_text();
  job.who = who;
  job.step = "starting";
  job.started = house_.clock.now();
  job.id = house_.jobs.create(job);
  running_ = true;
  thread_ = std::thread(
      [this, job, progress, change = std::move(change)] { run(job, progress, change); });
  return job.id;
}

void Regeneration::resume() {
  for (Job& job : house_.jobs.unfinished()) {
    if (job.kind != kKind) continue;
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
               fmt::format("ringfence-admin ended before anything was changed; {} again",
                           progress.imported ? "import" : "regenerate"));
        continue;
      }
      running_ = true;
      thread_ = std::thread([this, job, progress] { run(job, progress, {}); });
    } catch (const std::exception& error) {
      log(Level::error, "JOB_NOT_RESUMED",
          {{"job", std::to_string(job.id)}, {"why", error.what()}});
    }
  }
  const std::lock_guard lock(mutex_);
  resumed_ = true;
}

std::string Regeneration::serial_of(Unit unit) {
  const auto own = house_.certificates.own(unit);
  return own ? core::to_hex(core::serial_of(*core::parse_certificate(own->der))) : "";
}

void Regeneration::run(Job job, Progress progress, const Change& how) {
  try {
    if (!progress.published) change(job, progress, how);
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
  const std::lock_guard lock(mutex_);
  running_ = false;
}

void Regeneration::change(Job& job, Progress& progress, const Change& how) {
  job.step = fmt::format("{} {}",
                         progress.imported ? "putting the imported certificate to use for"
                                           : "making a new key and certificate for",
                         name(progress.unit));
  progress.old_serial = serial_of(progress.unit);
  save(job, progress);
  // Who is registered is asked before the change, so that nobody who returns early is missed.
  std::vector<JobItem> items;
  std::set<std::string> seen;
  for (const core::Registration& one : house_.registrations())
    if (seen.insert(one.device).second)
      items.push_back({one.device, ItemState::waiting, house_.clock.now()});
  house_.jobs.set_items(job.id, items);
  progress.itl_sha1 = how(job.who);
  progress.published = true;
  job.step = "resetting phones";
  save(job, progress);
}

void Regeneration::await_phones(Job& job, const Progress& progress) {
  PhoneWatch watch(house_.jobs.items(job.id), house_.resets(job.id));

  auto registrar_seen = std::chrono::steady_clock::now();
  for (bool first = true; first || !watch.finished(); first = false) {
    const core::Time now = house_.clock.now();
    std::vector<JobItem> wave;
    if (heed(job, progress, watch))
      wave = watch.next_wave(house_.registrations(), kOutstandingResets, now);
    try {
      std::vector<std::string> devices;
      for (const JobItem& item : wave) devices.push_back(item.phone);
      const auto unknown = request_reset(house_.config, job.id, "reset", devices);
      house_.jobs.set_items(job.id, wave);
      house_.jobs.set_items(job.id, watch.unreachable(unknown, now));
      registrar_seen = std::chrono::steady_clock::now();
      if (job.wanted == core::JobWanted::run) note_step(job, progress, "resetting phones");
    } catch (const Error& error) {
      if (error.code() != Code::io ||
          std::chrono::steady_clock::now() - registrar_seen > kRegistrarAwayAtMost ||
          services_.state(registrar()).reason == kCommandedOut)
        throw;
      watch.put_back(wave, now);  // it goes out when Cisco CallManager is back
      note_step(job, progress, "waiting for Cisco CallManager, which does not answer");
    }
    const std::vector<core::Registration> registrations = house_.registrations();
    const Evidence evidence{
        registrations, house_.trust().of(watch.asked_about(registrations), {progress.itl_sha1}),
        house_.resets(job.id)};
    std::vector<JobItem> moved = watch.observe(evidence, now);
    std::ranges::move(watch.take_in(evidence, now), std::back_inserter(moved));
    house_.jobs.set_items(job.id, moved);
    if (!wave.empty() || !moved.empty()) jobs_.touch(job.id);
    if (stopping_within(kLookEvery)) return;  // the next start resumes the job
  }
  const core::JobCounts counts = house_.jobs.counts(job.id);
  const std::size_t cancelled = counts.of(ItemState::cancelled);
  std::string message =
      fmt::format("{} of {} phones returned", counts.of(ItemState::returned), counts.total);
  if (const std::size_t refused = counts.of(ItemState::refused); refused > 0)
    message += fmt::format("; {} are back with their old ITL and refused the new one", refused);
  if (const std::size_t unproven = counts.of(ItemState::unproven); unproven > 0)
    message += fmt::format(
        "; {} are back and nothing proves that they took the new ITL ('show phone' tells why)",
        unproven);
  if (cancelled > 0)
    message += fmt::format(
        "; {} were not reset and learn of the change at their next start, or by "
        "'utils phone reset all'",
        cancelled);
  finish(job, progress, cancelled > 0 ? JobState::cancelled : JobState::done, message);
}

bool Regeneration::heed(Job& job, const Progress& progress, PhoneWatch& watch) {
  job.wanted = house_.jobs.find(job.id).wanted;
  switch (job.wanted) {
    case core::JobWanted::run:
      if (job.state == JobState::paused) {
        job.state = JobState::running;
        save(job, progress);
      }
      return true;
    case core::JobWanted::pause:
      if (job.state == JobState::paused) return false;
      job.state = JobState::paused;
      job.step = "paused: no further phones are reset";
      save(job, progress);
      return false;
    case core::JobWanted::cancel:
      job.state = JobState::running;
      house_.jobs.set_items(job.id, watch.cancel_waiting(house_.clock.now()));
      note_step(job, progress, "cancelled: waiting for the phones that were reset");
      return false;
  }
  return false;
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
  jobs_.touch(job.id);
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

bool Regeneration::stopping_within(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return stopping_; });
}

void Regeneration::describe(const Job& job, core::admin::JobReport& report) const {
  const Progress progress = Progress::from_text(job.arguments);
  report.subject = name(progress.unit);
  report.published = progress.published;
}

}  // namespace ringfence::services::admin

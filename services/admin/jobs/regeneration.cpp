#include "services/admin/jobs/regeneration.h"

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
#include "core/trust/node_store.h"
#include "services/admin/jobs/guard_rules.h"
#include "services/admin/jobs/phone_waves.h"
#include "services/admin/jobs/regeneration_progress.h"

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

/// users_of names the daemons that show or sign with a unit's certificate.
std::vector<std::string_view> users_of(Unit unit) {
  switch (unit) {
    case Unit::call_manager:
    case Unit::call_manager_ecdsa: return {"callmanager", "tftp"};
    case Unit::capf: return {"capf"};
    case Unit::tvs: return {"tvs"};
    case Unit::itl_recovery: break;
  }
  return {};
}

}  // namespace

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

core::admin::RegeneratePlan Regeneration::plan(Unit unit, Force force) {
  jobs_.refuse_while_phones_are_reset();
  core::admin::RegeneratePlan plan;
  plan.unit = name(unit);
  plan.phones = static_cast<std::int64_t>(house_.phones.count());
  const RegistrarTruth registrar = house_.registrar();
  if (registrar.serving)
    plan.phones_reset = static_cast<std::int64_t>(PhoneWaves::items_of_registered(house_).size());
  const Verdict verdict = guards_.of_change(unit);
  plan.guards = verdict.guards;
  plan.stranded = verdict.stranded;
  plan.refusal = verdict.refusal(force);
  note_phones(registrar, verdict.absent, plan);
  note_unit(unit, plan);
  return plan;
}

void Regeneration::note_phones(const RegistrarTruth& registrar,
                               const std::vector<std::string>& absent,
                               core::admin::RegeneratePlan& plan) {
  constexpr std::size_t kNamesTold = 20;
  const std::int64_t others = plan.phones - plan.phones_reset;
  if (!registrar.serving)
    plan.notes.push_back(
        fmt::format("{}: no phone can be reset, and each fetches the new ITL when it next starts.",
                    registrar.why()));
  else if (others == 1)
    plan.notes.emplace_back(
        "1 known phone is not registered or does not answer; it is not reset and fetches the new "
        "ITL "
        "when it next starts.");
  else if (others > 0)
    plan.notes.push_back(fmt::format(
        "{} known phones are not registered or do not answer; they are not reset and fetch the new "
        "ITL when they next start.",
        others));
  if (registrar.serving && !absent.empty())
    plan.notes.push_back(fmt::format(
        "{} a trust list and {} left out: {}. So the exit status will be 5.",
        absent.size() == 1 ? "1 of them holds" : fmt::format("{} of them hold", absent.size()),
        absent.size() == 1 ? "is" : "are", names_text(absent, kNamesTold)));
}

void Regeneration::note_unit(Unit unit, core::admin::RegeneratePlan& plan) {
  if (keeper_.publisher().recovering())
    plan.notes.push_back(fmt::format(
        "A recovery list is in force ('utils itl reset localkey'), so {} signs this one too. "
        "'utils "
        "service restart Cisco Tftp' returns to the normal signer: let every phone fetch the "
        "recovery list first.",
        name(keeper_.publisher().signer())));
  std::vector<std::string> others;
  for (const core::ClusterNode& node : core::NodeStore(house_.database).list())
    if (node.id != core::kThisNode) others.push_back(node.name);
  if (!others.empty())
    plan.notes.push_back(fmt::format(
        "The other nodes of the cluster ({}) go on with the old certificate of {} until this node "
        "is imported there again: 'utils node export' here, 'utils node import' there.",
        fmt::join(others, ", "), name(unit)));
  switch (unit) {
    case Unit::call_manager:
    case Unit::tvs:
      plan.notes.emplace_back(
          "Do not regenerate CallManager and TVS before every phone has come back from the first "
          "of the two: a phone that knows neither refuses every new list but one that its recovery "
          "key signs ('utils itl reset localkey').");
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

std::int64_t Regeneration::start(Unit unit, const std::string& who, Force force) {
  Progress progress;
  progress.unit = unit;
  return start(std::move(progress), who, force, [this, unit, force](const std::string& by) {
    return keeper_.regenerate(unit, by, force);
  });
}

std::int64_t Regeneration::start_import(Unit unit, const std::string& who, Change change,
                                        Force force) {
  Progress progress;
  progress.unit = unit;
  progress.imported = true;
  return start(std::move(progress), who, force, std::move(change));
}

std::int64_t Regeneration::start(Progress progress, const std::string& who, Force force,
                                 Change change) {
  const auto turn = jobs_.turn();
  jobs_.refuse_while_phones_are_reset();
  {
    const std::lock_guard lock(mutex_);
    if (!resumed_ || stopping_)
      throw Error(Code::conflict,
                  "Ringfence is still starting its services; try again when 'utils service list' "
                  "shows all of them STARTED");
  }
  const core::admin::RegeneratePlan now = plan(progress.unit, force);
  if (!now.refusal.empty()) throw Error(Code::refused, now.refusal);
  progress.forced = force;
  progress.notes = now.notes;
  const std::lock_guard lock(mutex_);
  if (running_) throw Error(Code::conflict, "a regeneration is just ending; try again");
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
        note_change(job, progress);
      }
      if (!progress.published || thread_.joinable()) {
        finish(job, progress, JobState::interrupted,
               fmt::format("ringfence-admin ended before anything was changed; {} again",
                           progress.imported ? "import" : "regenerate"));
        continue;
      }
      // The services were started with this process, behind the change: they have read it.
      progress.untold.clear();
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

void Regeneration::note_change(Job& job, Progress& progress) {
  progress.published = true;
  progress.itl_sha1 = keeper_.served_itl_sha1();
  save(job, progress);
  const std::string done =
      progress.imported ? "CERTIFICATE_IMPORT_DONE" : "CERTIFICATE_REGENERATE_DONE";
  constexpr std::size_t kLookBack = 200;
  for (const core::AuditRecord& one : house_.audit.last(kLookBack))
    if (one.event == done && one.detail.find(progress.itl_sha1) != std::string::npos) return;
  json::object detail{{"unit", std::string(name(progress.unit))},
                      {"itl_sha1", progress.itl_sha1},
                      {"noted", "after a restart"}};
  if (progress.forced) detail["forced_over_phones"] = *progress.forced;
  try {
    house_.record_act(job.who, done, json::serialize(detail));
  } catch (const std::exception& error) {  // the phones are reset all the same
    log(Level::error, "AUDIT_NOT_WRITTEN",
        {{"event", done}, {"job", std::to_string(job.id)}, {"why", error.what()}});
  }
}

void Regeneration::run(Job job, Progress progress, const Change& how) {
  try {
    if (!progress.published) change(job, progress, how);
    await_phones(job, progress);
  } catch (const std::exception& error) {
    log(Level::error, "REGENERATION_FAILED",
        {{"job", std::to_string(job.id)}, {"why", error.what()}});
    const std::string message = progress.published
                                    ? fmt::format(
                                          "{} has its new certificate and the ITL is published, "
                                          "but the phones were not all reset: {}; when that is "
                                          "mended, run 'utils phone reset all'",
                                          name(progress.unit), error.what())
                                    : std::string(error.what());
    until_recorded(
        [&] {
          PhoneWaves::close(house_, job.id);
          finish(job, progress, JobState::failed, message);
        },
        [this](std::chrono::milliseconds time) { return stopping_within(time); });
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
  const std::vector<JobItem> items = PhoneWaves::items_of_registered(house_);
  house_.jobs.set_items(job.id, items);
  std::vector<std::string> absent = guards_.left_out(items);
  progress.left_out = static_cast<std::int64_t>(absent.size());
  progress.absent = first_names(std::move(absent));
  save(job, progress);
  Published published = how(job.who);
  progress.itl_sha1 = published.sha1;
  progress.warnings = std::move(published.warnings);
  progress.untold = std::move(published.untold);
  progress.published = true;
  job.step = "resetting phones";
  try {
    save(job, progress);
  } catch (const std::exception& error) {
    // The list is in force: what cannot be noted keeps nobody from being told of it.
    log(Level::error, "JOB_NOT_RECORDED", {{"why", error.what()}});
    progress.warnings.push_back(std::string("The job could not be written down at first: ") +
                                error.what() + ".");
  }
}

std::string Regeneration::cure_of_refusals() {
  if (const std::string problem = guards_.tvs_problem(); !problem.empty())
    return fmt::format(
        "{} So phones that refused the new ITL could not ask about its signer. {} Then 'utils "
        "phone "
        "reset all' brings them back.",
        problem, started_first(problem, "Cisco Trust Verification Service"));
  return "Of phones that refused the new ITL: 'utils phone reset all' lets them ask TVS about its "
         "signer once more. Those that refuse again know neither of the two: 'utils itl reset "
         "localkey', then 'utils phone reset all', brings them back.";
}

void Regeneration::await_phones(Job& job, Progress& progress) {
  const auto stopping = [this](std::chrono::milliseconds time) { return stopping_within(time); };
  PhoneWaves waves({house_, keeper_, services_, jobs_}, {.lists = {progress.itl_sha1}},
                   {[&](Job& changed) { save(changed, progress); }, stopping});
  if (!waves.run(job)) return;  // the next start resumes the job
  const core::JobCounts counts = house_.jobs.counts(job.id);
  const std::size_t cancelled = counts.of(ItemState::cancelled);
  std::string message = fmt::format("{} of {} returned", counts.of(ItemState::returned),
                                    phones_text(static_cast<std::int64_t>(counts.total)));
  if (const std::size_t refused = counts.of(ItemState::refused); refused > 0) {
    progress.next = cure_of_refusals();
    message += fmt::format("; {} {} back with the old ITL and refused the new one", refused,
                           refused == 1 ? "is" : "are");
  }
  if (const std::size_t unproven = counts.of(ItemState::unproven); unproven > 0)
    message += fmt::format(
        "; {} {} back and nothing proves that the new ITL was taken ('show phone' tells why)",
        unproven, unproven == 1 ? "is" : "are");
  if (cancelled > 0)
    message += fmt::format(
        "; {} of the change at the next start, or by 'utils phone reset all'",
        cancelled == 1
            ? "1 was not reset or had not answered, and learns"
            : fmt::format("{} were not reset or had not answered, and learn", cancelled));
  const bool ended_early =
      job.wanted == core::JobWanted::cancel && counts.of(ItemState::returned) < counts.total;
  const JobState end = cancelled > 0 || ended_early ? JobState::cancelled : JobState::done;
  until_recorded([&] { finish(job, progress, end, message); }, stopping);
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
  if (state == JobState::done || state == JobState::cancelled) job.step = word(state);
  job.finished = house_.clock.now();
  job.arguments = progress.to_text();
  house_.write_owed_audit();
  end_job(house_, job, progress.event());
  jobs_.touch(job.id);
}

bool Regeneration::stopping_within(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return stopping_; });
}

void Regeneration::describe(const Job& job, core::admin::JobReport& report) const {
  const Progress progress = Progress::from_text(job.arguments);
  // What idles today says nothing of a job of last month.
  const bool recent = !job.finished || house_.clock.now() - *job.finished < std::chrono::hours(1);
  for (const std::string_view daemon : users_of(progress.unit))
    for (const Service& service : kServices)
      if (recent && service.daemon == daemon && services_.state(service).state != "STARTED")
        report.idle_services.emplace_back(service.name);
  report.subject = name(progress.unit);
  report.published = progress.published;
  report.left_out = progress.left_out;
  report.left_out_names = progress.absent;
  report.notes = progress.notes;
  report.warnings = progress.warnings;
  report.untold_services = progress.untold;
  if (!progress.next.empty()) report.warnings.push_back(progress.next);
  if (progress.forced)
    report.notes.push_back(fmt::format("It was forced over {}.", phones_text(*progress.forced)));
}

}  // namespace ringfence::services::admin

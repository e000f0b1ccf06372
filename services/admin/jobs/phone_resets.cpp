#include "services/admin/jobs/phone_resets.h"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "services/admin/jobs/guard_rules.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::ItemState;
using core::Job;
using core::JobState;
using core::Level;
using core::log;
namespace json = boost::json;

namespace {

constexpr std::size_t kNamesTold = 20;
constexpr std::chrono::seconds kThreadEndsWithin(10);

std::string kind_of(const Job& job) {
  return std::string(json::parse(job.arguments).as_object().at("kind").as_string());
}

/// not_told_note names who is left out, and says what helps.
std::string not_told_note(const std::vector<std::string>& names) {
  const bool one = names.size() == 1;
  return fmt::format(
      "{} not registered or {} not answer, and {} not told: {}. Power {} on; {} when {}.",
      one ? "1 phone that holds a trust list is"
          : fmt::format("{} phones that hold a trust list are", names.size()),
      one ? "does" : "do", one ? "is" : "are", names_text(names, kNamesTold), one ? "it" : "them",
      one ? "it fetches its files" : "they fetch their files", one ? "it starts" : "they start");
}

PhoneWaves::Terms terms_of(const std::string& kind) {
  PhoneWaves::Terms terms;
  terms.kind = kind;
  terms.step = "telling phones to " + kind;
  terms.goal = kind == "reset"     ? PhoneWatch::Goal::list
               : kind == "restart" ? PhoneWatch::Goal::registration
                                   : PhoneWatch::Goal::answer;
  return terms;
}

}  // namespace

PhoneResets::~PhoneResets() {
  stop();
}

void PhoneResets::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

core::admin::PhoneResetPlan PhoneResets::plan(const std::string& kind, Force force) {
  const std::vector<core::JobItem> items = items_for(kind, force);
  return plan_of(items, PhoneWaves::not_told(parts_.house, items));
}

std::vector<core::JobItem> PhoneResets::items_for(const std::string& kind, Force force) {
  if (kind != "reset" && kind != "restart" && kind != "apply-config")
    throw Error(Code::malformed, "kind must be reset, restart or apply-config");
  parts_.jobs.refuse_while_phones_are_reset();
  House& house = parts_.house;
  if (const RegistrarTruth registrar = house.registrar(); !registrar.serving && !registrar.hangs)
    throw Error(Code::refused, registrar.why() +
                                   ", so no phone can be told anything; start it first: utils "
                                   "service start Cisco CallManager");
  std::vector<core::JobItem> items = PhoneWaves::items_of_registered(house);
  std::vector<std::string> names;
  for (const core::JobItem& item : items) names.push_back(item.phone);
  std::ranges::sort(names);
  const std::string refusal = guards_.of_tell(kind, names, false).refusal(force);
  if (!refusal.empty()) throw Error(Code::refused, refusal);
  return items;
}

core::admin::PhoneResetPlan PhoneResets::plan_of(const std::vector<core::JobItem>& items,
                                                 const std::vector<std::string>& others) {
  core::admin::PhoneResetPlan plan;
  plan.registered = static_cast<std::int64_t>(items.size());
  plan.left_out = static_cast<std::int64_t>(others.size());
  if (!others.empty()) plan.notes.push_back(not_told_note(others));
  return plan;
}

std::int64_t PhoneResets::start(const std::string& kind, const std::string& who, Force force) {
  const auto turn = parts_.jobs.turn();
  const std::vector<core::JobItem> items = items_for(kind, force);
  const std::vector<std::string> others = PhoneWaves::not_told(parts_.house, items);
  const core::admin::PhoneResetPlan now = plan_of(items, others);
  Job job;
  job.kind = kKind;
  job.arguments =
      json::serialize(json::object{{"kind", kind},
                                   {"left_out", now.left_out},
                                   {"left_out_names", json::value_from(first_names(others))},
                                   {"notes", json::value_from(now.notes)}});
  job.who = who;
  job.step = "starting";
  {
    std::unique_lock lock(mutex_);
    if (!resumed_ || stopping_)
      throw Error(Code::conflict,
                  "Ringfence is still starting its services; try again when 'utils service list' "
                  "shows all of them STARTED");
    // The last job has ended for those who wait for it, and its thread may not be through.
    changed_.wait_for(lock, kThreadEndsWithin, [this] { return !running_ || stopping_; });
    if (running_ || stopping_)
      throw Error(Code::conflict, "a job that resets phones is just ending; try again");
  }
  House& house = parts_.house;
  job.started = house.clock.now();
  {
    core::Database::Transaction transaction(house.database);
    job.id = house.jobs.create(job);
    house.jobs.set_items(job.id, items);
    transaction.commit();
  }
  const std::int64_t id = job.id;
  begin(std::move(job));
  return id;
}

void PhoneResets::resume() {
  for (Job& job : parts_.house.jobs.unfinished())
    if (job.kind == kKind) begin(std::move(job));
  const std::lock_guard lock(mutex_);
  resumed_ = true;
}

void PhoneResets::begin(Job job) {
  const std::lock_guard lock(mutex_);
  if (running_ || stopping_) return;  // there is one at a time
  if (thread_.joinable()) thread_.join();
  running_ = true;
  thread_ = std::thread([this, job = std::move(job)] { run(job); });
}

void PhoneResets::run(Job job) {
  House& house = parts_.house;
  const auto stopping = [this](std::chrono::milliseconds time) { return stopping_within(time); };
  try {
    PhoneWaves waves(parts_, terms_of(kind_of(job)),
                     {[&](Job& changed) {
                        house.jobs.update(changed);
                        parts_.jobs.touch(changed.id);
                      },
                      stopping});
    if (waves.run(job)) {
      const core::JobCounts counts = house.jobs.counts(job.id);
      const bool cancelled =
          counts.of(ItemState::cancelled) > 0 ||
          (job.wanted == core::JobWanted::cancel && counts.of(ItemState::returned) < counts.total);
      const std::string message = fmt::format("{} of {} {}", counts.of(ItemState::returned),
                                              phones_text(static_cast<std::int64_t>(counts.total)),
                                              kind_of(job) == "apply-config" ? "told" : "returned");
      until_recorded(
          [&] { finish(job, cancelled ? JobState::cancelled : JobState::done, message); },
          stopping);
    }
  } catch (const std::exception& error) {
    log(Level::error, "PHONE_RESET_FAILED",
        {{"job", std::to_string(job.id)}, {"why", error.what()}});
    until_recorded(
        [&] {
          PhoneWaves::close(house, job.id);
          finish(job, JobState::failed, error.what());
        },
        stopping);
  }
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
  }
  changed_.notify_all();
}

void PhoneResets::finish(Job& job, JobState state, const std::string& message) {
  job.state = state;
  job.message = message;
  if (state == JobState::done || state == JobState::cancelled) job.step = word(state);
  job.finished = parts_.house.clock.now();
  end_job(parts_.house, job, "PHONE_RESET_ALL");
  parts_.jobs.touch(job.id);
}

bool PhoneResets::stopping_within(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return stopping_; });
}

void PhoneResets::describe(const Job& job, core::admin::JobReport& report) const {
  report.subject = kind_of(job) + " all";
  report.published = true;  // there is nothing but the phones
  const json::object object = json::parse(job.arguments).as_object();
  // Jobs of earlier releases lack these.
  if (const json::value* one = object.if_contains("left_out")) report.left_out = one->as_int64();
  if (const json::value* one = object.if_contains("left_out_names"))
    report.left_out_names = json::value_to<std::vector<std::string>>(*one);
  if (const json::value* one = object.if_contains("notes"))
    report.notes = json::value_to<std::vector<std::string>>(*one);
}

}  // namespace ringfence::services::admin

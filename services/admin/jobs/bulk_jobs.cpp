#include "services/admin/jobs/bulk_jobs.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/crypto/digest.h"
#include "services/admin/jobs/bulk_run.h"
#include "services/admin/jobs/guard_rules.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::ItemState;
using core::Job;
using core::JobItem;
using core::Level;
using core::log;
using core::Phone;
using core::Time;
using core::admin::BulkPreview;
using core::admin::BulkRequest;
using core::admin::BulkStarted;
using namespace std::chrono_literals;
namespace json = boost::json;
using SteadyTime = std::chrono::steady_clock::time_point;

namespace {

constexpr std::size_t kLookBackAtMost = 50;
constexpr auto kAfterFailure = 5s;
constexpr int kMostFailures = 60;  // five minutes of them

/// digits returns `count` decimal digits from the system's generator, each as likely as any other.
std::string digits(std::size_t count) {
  constexpr unsigned char kFair = 250;  // the bytes below it spread evenly over ten digits
  std::string text;
  while (text.size() < count)
    for (const unsigned char byte : core::random_bytes(2 * count))
      if (byte < kFair && text.size() < count) text += static_cast<char>('0' + byte % 10);
  return text;
}

/// strings_for makes a string for each phone, no two the same.
std::map<std::string, std::string> strings_for(const std::vector<std::string>& phones,
                                               std::size_t length) {
  std::size_t possible = 1;
  for (std::size_t i = 0; i < length; ++i) possible *= 10;
  if (phones.size() > possible / 2)
    throw Error(Code::refused,
                fmt::format("unique strings of {} digits are too few for {} phones; ask for more "
                            "digits, at most 10",
                            length, phones.size()));
  std::set<std::string> taken;
  std::map<std::string, std::string> strings;
  for (const std::string& phone : phones) {
    std::string made = digits(length);
    while (!taken.insert(made).second) made = digits(length);
    strings.emplace(phone, std::move(made));
  }
  return strings;
}

/// holds tells whether a phone is excluded because `job` still waits for it.
bool holds(const Job& job, const BulkPreview& plan, const BulkFacts& facts) {
  return std::ranges::any_of(plan.excluded, [&](const core::admin::BulkExcluded& one) {
    const auto busy = facts.busy.find(one.phone);
    return one.reason == "other_job" && busy != facts.busy.end() && busy->second == job.id;
  });
}

/// note_model says how the model was read, when that is not as it was written.
void note_model(const BulkRequest& request, const BulkFilter& filter, BulkPreview& plan) {
  if (request.model && filter.model && *request.model != *filter.model)
    plan.notes.push_back(
        fmt::format("The model \"{}\" was read as {}.", *request.model, *filter.model));
}

std::vector<std::string> names_of(const std::vector<core::admin::BulkExcluded>& excluded) {
  std::vector<std::string> names;
  for (const core::admin::BulkExcluded& one : excluded) names.push_back(one.phone);
  return names;
}

/// arguments_of is what is kept of a job: its terms, and what a report tells beside them.
/// `outlook` says what will become of phones: of a cancelled job it is not true any more.
std::string arguments_of(const BulkTerms& terms, const BulkStarted& started,
                         const std::vector<std::string>& outlook,
                         const std::vector<std::string>& excluded,
                         std::optional<std::int64_t> forced) {
  json::object object = json::parse(terms.to_text()).as_object();
  object["left_out"] = started.excluded;
  object["left_out_names"] = json::value_from(first_names(excluded));
  object["notes"] = json::value_from(started.notes);
  object["outlook"] = json::value_from(outlook);
  if (forced) object["forced_over_phones"] = *forced;
  return json::serialize(object);
}

}  // namespace

/// Entry is a job that the thread works on.
struct BulkJobs::Entry {
  std::unique_ptr<BulkRun> run;
  SteadyTime due{};
  int failures = 0;
};

BulkJobs::BulkJobs(House& house, Jobs& jobs, TrustKeeper& keeper, ServiceControl& services)
    : house_(house), jobs_(jobs), guards_(house, keeper, services) {}

BulkJobs::~BulkJobs() {
  stop();
}

void BulkJobs::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

BulkFacts BulkJobs::gather(Time now) {
  BulkFacts facts;
  for (auto& [name, state] : house_.capf_states()) {
    if (state.held) facts.lscs.emplace(name, LscFacts{state.held->issuer, state.held->not_after});
    if (state.stale(now) > 0) facts.stale.insert(name);
    if (state.last) facts.outcomes.emplace(name, *state.last);
  }
  facts.busy = house_.jobs.busy(kKind);
  for (core::SecurityProfile& profile : house_.profiles.list())
    facts.profiles.emplace(profile.name, profile);
  facts.no_registrar = house_.registrar().why();
  if (facts.no_registrar.empty())
    for (core::Registration& one : house_.registrations())
      facts.registered.insert(std::move(one.device));
  facts.policy = core::CapfPolicyStore(house_.database).load();
  return facts;
}

/// terms_of reads the terms of a request, within this node's policy.
BulkTerms BulkJobs::terms_of(const BulkRequest& request, Time now) {
  const BulkTerms terms = bulk_terms(request, now);
  if (terms.string_digits > 0)
    core::check_auth_string(std::string(terms.string_digits, '0'),
                            core::CapfPolicyStore(house_.database).load());
  return terms;
}

BulkPreview BulkJobs::preview(const BulkRequest& request) {
  const Time now = house_.clock.now();
  const BulkFilter filter = bulk_filter(request, now);
  const BulkTerms terms = terms_of(request, now);
  BulkPreview plan = plan_bulk(filter, terms, house_.phones.list(), gather(now), now);
  note_model(request, filter, plan);
  judge(request, plan);
  return plan;
}

void BulkJobs::judge(const BulkRequest& request, BulkPreview& plan) {
  const Verdict verdict = guards_.of_bulk(plan.phones);
  plan.guards = verdict.guards;
  plan.stranded = verdict.stranded;
  plan.refusal = verdict.refusal(request.force);
}

BulkStarted BulkJobs::start(const BulkRequest& request, const std::string& who) {
  const std::lock_guard starting(start_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (!resumed_ || stopping_)
      throw Error(Code::conflict,
                  "Ringfence is still starting its services; try again when 'utils service list' "
                  "shows all of them STARTED");
  }
  const Time now = house_.clock.now();
  const BulkFilter filter = bulk_filter(request, now);
  const BulkTerms terms = terms_of(request, now);
  const std::vector<Phone> phones = house_.phones.list();
  const BulkFacts facts = gather(now);
  BulkPreview plan = plan_bulk(filter, terms, phones, facts, now);
  if (plan.chosen == 0 && plan.matched > 0)
    for (const Job& job : house_.jobs.unfinished())
      if (job.kind == kKind && job.wanted == core::JobWanted::cancel && holds(job, plan, facts))
        throw Error(Code::conflict, being_cancelled(job));
  if (plan.chosen == 0)
    throw Error(
        Code::refused,
        plan.matched == 0
            ? "no phone matches these filters; 'show phone list' lists the phones"
            : fmt::format("{} excluded; 'utils capf bulk preview' with the same words "
                          "tells why",
                          plan.matched == 1
                              ? "the 1 phone that matches is"
                              : fmt::format("each of the {} phones that match is", plan.matched)));
  const std::vector<std::string> outlook = std::exchange(plan.notes, {});
  note_model(request, filter, plan);
  judge(request, plan);
  if (!plan.refusal.empty()) throw Error(Code::refused, plan.refusal);
  BulkStarted started;
  started.notes = plan.notes;
  started.chosen = plan.chosen;
  started.excluded = plan.matched - plan.chosen;
  std::map<std::string, std::string> strings;
  if (terms.string_digits > 0) strings = strings_for(plan.phones, terms.string_digits);

  Job job;
  job.kind = kKind;
  job.arguments = arguments_of(terms, started, outlook, names_of(plan.excluded), request.force);
  started.notes.insert(started.notes.begin(), outlook.begin(), outlook.end());
  job.who = who;
  job.step = "starting";
  job.started = now;
  const std::set<std::string> chosen(plan.phones.begin(), plan.phones.end());
  std::vector<JobItem> items;
  for (const Phone& phone : phones)
    if (chosen.contains(phone.name))
      items.push_back({phone.name, ItemState::waiting, now, phone.capf.request, ""});
  {
    core::Database::Transaction transaction(house_.database);
    job.id = house_.jobs.create(job);
    house_.jobs.set_items(job.id, items);
    house_.jobs.keep_secrets(job.id, strings);
    transaction.commit();
  }
  started.job = job.id;
  for (auto& [name, string] : strings) started.strings.push_back({name, std::move(string)});
  begin(std::move(job));
  return started;
}

void BulkJobs::describe(const Job& job, core::admin::JobReport& report) const {
  report.subject = BulkTerms::from_text(job.arguments).subject();
  report.published = true;
  const json::object object = json::parse(job.arguments).as_object();
  // Jobs of earlier releases lack these.
  if (const json::value* one = object.if_contains("left_out")) report.left_out = one->as_int64();
  if (const json::value* one = object.if_contains("left_out_names"))
    report.left_out_names = json::value_to<std::vector<std::string>>(*one);
  if (const json::value* one = object.if_contains("notes"))
    report.notes = json::value_to<std::vector<std::string>>(*one);
  const bool cancelled = job.wanted == core::JobWanted::cancel;
  if (const json::value* one = object.if_contains("outlook"); one != nullptr && !cancelled)
    std::ranges::move(json::value_to<std::vector<std::string>>(*one),
                      std::back_inserter(report.notes));
  if (const json::value* one = object.if_contains("forced_over_phones"))
    report.notes.push_back(fmt::format("It was forced over {}.", phones_text(one->as_int64())));
}

void BulkJobs::resume() {
  for (Job& job : house_.jobs.unfinished())
    if (job.kind == kKind) begin(std::move(job));
  // Sessions of phones whose operation was taken back may still be under way.
  for (Job& job : house_.jobs.list(kLookBackAtMost))
    if (job.kind == kKind && job.state == core::JobState::cancelled && job.finished &&
        house_.clock.now() - *job.finished < BulkWatch::kSilentFor)
      begin(std::move(job));
  const std::lock_guard lock(mutex_);
  resumed_ = true;
}

void BulkJobs::begin(Job job) {
  {
    const std::lock_guard lock(mutex_);
    begun_.push_back(std::move(job));
    if (!thread_.joinable() && !stopping_) thread_ = std::thread([this] { work(); });
  }
  changed_.notify_all();
}

void BulkJobs::work() {
  std::vector<Entry> entries;
  for (;;) {
    std::vector<Job> begun;
    {
      std::unique_lock lock(mutex_);
      const auto woken = [this] { return stopping_ || !begun_.empty(); };
      const auto due =
          std::min_element(entries.begin(), entries.end(),
                           [](const Entry& a, const Entry& b) { return a.due < b.due; });
      if (due == entries.end()) {
        changed_.wait(lock, woken);
      } else {
        changed_.wait_until(lock, due->due, woken);
      }
      if (stopping_) return;
      begun.swap(begun_);
    }
    for (Job& job : begun) {
      const std::int64_t id = job.id;
      try {
        entries.push_back({std::make_unique<BulkRun>(house_, jobs_, std::move(job))});
      } catch (const std::exception& error) {
        log(Level::error, "JOB_NOT_RESUMED", {{"job", std::to_string(id)}, {"why", error.what()}});
      }
    }
    std::erase_if(entries, [this](Entry& entry) {
      return entry.due <= std::chrono::steady_clock::now() && !step(entry);
    });
  }
}

bool BulkJobs::step(Entry& entry) {
  try {
    // What a failed step had read or counted and not written down is lost: as after a crash, the
    // rows are the truth.
    if (entry.failures > 0)
      entry.run = std::make_unique<BulkRun>(house_, jobs_, house_.jobs.find(entry.run->id()));
    if (entry.run->step()) return false;
    entry.failures = 0;
    entry.due = std::chrono::steady_clock::now() + entry.run->pause_after_step();
    return true;
  } catch (const std::exception& error) {
    log(Level::error, "BULK_STEP_FAILED",
        {{"job", std::to_string(entry.run->id())}, {"why", error.what()}});
    entry.due = std::chrono::steady_clock::now() + kAfterFailure;
    if (++entry.failures < kMostFailures) return true;
    try {
      entry.run->fail(error.what());
    } catch (const std::exception& second) {
      log(Level::error, "JOB_NOT_RECORDED", {{"why", second.what()}});
    }
    return false;
  }
}

}  // namespace ringfence::services::admin

#include "services/admin/jobs/bulk_run.h"

#include <algorithm>
#include <map>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "services/admin/jobs/guard_rules.h"
#include "services/admin/jobs/regeneration.h"
#include "services/admin/node/reset_request.h"
#include "services/admin/node/service_health.h"

namespace ringfence::services::admin {

using core::Error;
using core::ItemState;
using core::Job;
using core::JobItem;
using core::JobState;
using core::JobWanted;
using core::Level;
using core::log;
using core::Operation;
using core::Phone;
using core::Time;
using namespace std::chrono_literals;

namespace {

constexpr auto kRunLooksEvery = 200ms;
constexpr auto kLookWhenIdle = 1000ms;
constexpr auto kTryRegistrarEvery = 2s;
constexpr auto kSettlesWithin = 3s;
constexpr std::size_t kMostAtOnce = 500;  // phones in one transaction

/// text_of keeps what a job changes of a phone, and settings_from brings it back into `capf`.
std::string text_of(const core::CapfSettings& capf) {
  return boost::json::serialize(boost::json::object{{"auth_mode", word(capf.auth_mode)},
                                                    {"auth_string", capf.auth_string},
                                                    {"key_order", word(capf.key_order)},
                                                    {"rsa_bits", capf.rsa_bits},
                                                    {"ec_bits", capf.ec_bits}});
}

core::CapfSettings settings_from(const std::string& text, core::CapfSettings capf) {
  const boost::json::object object = boost::json::parse(text).as_object();
  capf.auth_mode = core::auth_mode_from(object.at("auth_mode").as_string());
  capf.auth_string = std::string(object.at("auth_string").as_string());
  capf.key_order = core::key_order_from(object.at("key_order").as_string());
  capf.rsa_bits = static_cast<int>(object.at("rsa_bits").as_int64());
  capf.ec_bits = static_cast<int>(object.at("ec_bits").as_int64());
  return capf;
}

}  // namespace

struct BulkRun::Rules {
  std::map<std::string, core::SecurityProfile> profiles;
  core::CapfPolicy policy;
  std::map<std::string, std::string> strings;  ///< authentication strings made for the phones
};

BulkRun::BulkRun(House& house, Jobs& jobs, Job job)
    : house_(house),
      jobs_(jobs),
      job_(std::move(job)),
      terms_(BulkTerms::from_text(job_.arguments)),
      news_(house, {.job = job_.id,
                    .outcomes = PhoneNews::Subject::Outcomes::last,
                    .others = PhoneNews::Subject::Others::left_out}),
      watch_(house.jobs.items(job_.id), house.resets(job_.id), terms_.completes_by,
             {.room = terms_.wave, .at_once = kMostAtOnce, .holds_room = BulkWatch::kOnWayFor}),
      over_(core::ended(job_.state)) {}

bool BulkRun::step() {
  const Time now = house_.clock.now();
  asked_somebody_ = false;
  look(now);
  if (over_) return look_back(now);
  heed(now);
  const bool ended = watch_.finished() && settled(now);
  if (ended) finish(now);
  pause_ = asked_somebody_ || watch_.any_on_way() ? kRunLooksEvery : kLookWhenIdle;
  return ended && !watch_.any_taken_back();
}

/// settled gives those a moment that were on their way when their operation was taken back.
bool BulkRun::settled(Time now) {
  return !watch_.any_taken_back() || now - taken_back_at_ > kSettlesWithin;
}

/// look_back counts phones whose session went on after the job had ended; true once none can.
bool BulkRun::look_back(Time now) {
  pause_ = kLookWhenIdle;
  const std::string message = result();
  if (message != job_.message) {
    job_.message = message;
    house_.jobs.update(job_);
    jobs_.touch(job_.id);
    log(Level::notice, "BULK_PHONE_SUCCEEDED_LATE",
        {{"job", std::to_string(job_.id)}, {"message", message}});
  }
  return !watch_.any_taken_back() || now - *job_.finished > BulkWatch::kSilentFor;
}

std::string BulkRun::result() {
  const core::JobCounts counts = house_.jobs.counts(job_.id);
  return fmt::format("{} of {} succeeded", counts.of(ItemState::succeeded),
                     phones_text(static_cast<std::int64_t>(counts.total)));
}

void BulkRun::look(Time now) {
  news_.follow(watch_.book(), watch_.due(now),
               [&](const std::vector<PhoneLook>& looks) { watch_.observe(looks, now); });
  watch_.end_if_late(now);
  note();
}

void BulkRun::heed(Time now) {
  job_.wanted = house_.jobs.find(job_.id).wanted;
  watch_.want(job_.wanted, now);
  switch (job_.wanted) {
    case JobWanted::run:
      if (regenerating()) {
        set(JobState::running,
            "waiting for a regeneration to end: until then phones may not know "
            "the CAPF certificate");
      } else if (watch_.any_waiting() && !registrar_answers()) {
        set(JobState::running, "waiting for Cisco CallManager, which does not answer");
      } else {
        set(JobState::running, "asking phones");
        send_wave(now);
      }
      break;
    case JobWanted::pause:
      set(JobState::paused, "paused: no further phones are asked, those that were go on");
      break;
    case JobWanted::cancel:
      set(JobState::running, "cancelled: taking back what phones have not done");
      note();
      withdraw(now);
      return;  // nobody is told of what is taken back
  }
  tell(now);
}

/// registrar_answers keeps phones waiting that nobody could tell of their settings.
bool BulkRun::registrar_answers() {
  if (std::chrono::steady_clock::now() < no_registrar_until_) return false;
  if (responds(house_.config, *service_named("Cisco CallManager"))) return true;
  no_registrar_until_ = std::chrono::steady_clock::now() + kTryRegistrarEvery;
  return false;
}

bool BulkRun::regenerating() {
  const auto unfinished = house_.jobs.unfinished();
  return std::any_of(unfinished.begin(), unfinished.end(),
                     [](const Job& job) { return job.kind == Regeneration::kKind; });
}

void BulkRun::send_wave(Time now) {
  const std::vector<JobItem> wave = watch_.next_wave(now);
  asked_somebody_ = !wave.empty();
  if (wave.empty()) return;
  std::vector<JobItem> moved;
  {
    const std::lock_guard lock(house_.phone_mutex);
    core::Database::Transaction transaction(house_.database);
    Rules rules;
    for (core::SecurityProfile& profile : house_.profiles.list())
      rules.profiles.emplace(profile.name, profile);
    rules.policy = core::CapfPolicyStore(house_.database).load();
    std::vector<std::string> names;
    for (const JobItem& item : wave) names.push_back(item.phone);
    rules.strings = house_.jobs.take_secrets(job_.id, names);
    std::vector<Phone> changed;
    std::map<std::string, std::string> before;
    for (const JobItem& item : wave) moved.push_back(turn_of(item, rules, now, changed));
    for (const Phone& phone : changed)
      before.emplace(phone.name, text_of(house_.phones.find(phone.name)->capf));
    house_.jobs.keep_before(job_.id, before);
    const auto requests = house_.phones.save(changed, core::PhoneStore::Ask::again);
    std::size_t next = 0;
    for (JobItem& item : moved)
      if (item.state == ItemState::applied) item.request = requests.at(next++);
    house_.jobs.set_items(job_.id, moved);
    transaction.commit();
  }
  watch_.take(moved);
  jobs_.moved(job_.id, watch_.book().counts());
}

JobItem BulkRun::turn_of(const JobItem& item, const Rules& rules, Time now,
                         std::vector<Phone>& changed) {
  JobItem next = item;
  next.changed = now;
  next.state = ItemState::failed;
  std::optional<Phone> phone = house_.phones.find(item.phone);
  if (!phone) {
    next.state = ItemState::removed;
    return next;
  }
  if (phone->capf.request != item.request) {
    next.detail = "another operation was asked for it after the job began; it was left alone";
    return next;
  }
  const auto profile = rules.profiles.find(phone->security_profile);
  const core::SecurityProfile* const fixed =
      profile == rules.profiles.end() ? nullptr : &profile->second;
  if (const auto exclusion = settings_exclusion(*phone, terms_, fixed, rules.policy)) {
    next.detail = exclusion->why;
    return next;
  }
  phone->capf = settings_of(*phone, terms_, fixed);
  if (const auto string = rules.strings.find(item.phone); string != rules.strings.end())
    phone->capf.auth_string = string->second;
  changed.push_back(std::move(*phone));
  next.state = ItemState::applied;
  return next;
}

void BulkRun::tell(Time now) {
  const BulkWatch::ToTell names = watch_.to_tell();
  if (names.first.empty() && names.again.empty()) {
    registrar_away_ = false;
    return;
  }
  if (registrar_away_ && std::chrono::steady_clock::now() < try_registrar_at_) return;
  try {
    tell("apply-config", names.first, now);
    tell("restart", names.again, now);
    registrar_away_ = false;
  } catch (const Error& error) {
    if (error.code() != core::Code::io) throw;
    registrar_away_ = true;
    try_registrar_at_ = std::chrono::steady_clock::now() + kTryRegistrarEvery;
  }
}

void BulkRun::tell(const std::string& kind, const std::vector<std::string>& names, Time now) {
  if (names.empty()) return;
  const auto unknown = request_reset(house_.config, job_.id, kind, names);
  watch_.told(names, unknown, now);
  note();
}

/// as_before asks nothing of a phone, and gives it back its mode, string and key.
core::CapfSettings BulkRun::as_before(const Phone& phone) {
  core::CapfSettings capf = phone.capf;
  const std::string text = house_.jobs.before(job_.id, phone.name);
  if (!text.empty()) capf = settings_from(text, capf);
  capf.operation = Operation::none;
  capf.completes_by.reset();
  return capf;
}

void BulkRun::withdraw(Time now) {
  std::vector<JobItem> items = watch_.to_withdraw();
  if (items.empty()) return;
  {
    const std::lock_guard lock(house_.phone_mutex);
    core::Database::Transaction transaction(house_.database);
    std::vector<Phone> changed;
    for (JobItem& item : items) {
      const bool removed = !house_.phones.has(item.phone);
      item.state = removed ? ItemState::removed : ItemState::cancelled;
      item.detail = removed ? "" : BulkWatch::kTakenBack;
      item.changed = now;
      std::optional<Phone> phone = house_.phones.find(item.phone);
      if (!phone || phone->capf.request != item.request) continue;
      phone->capf = as_before(*phone);
      changed.push_back(std::move(*phone));
    }
    house_.phones.save(changed, core::PhoneStore::Ask::changed_only);
    house_.jobs.set_items(job_.id, items);
    transaction.commit();
  }
  if (watch_.any_on_way()) taken_back_at_ = now;
  watch_.take(items);
  jobs_.moved(job_.id, watch_.book().counts());
}

void BulkRun::finish(Time now) {
  const core::JobCounts counts = house_.jobs.counts(job_.id);
  const bool cancelled = counts.of(ItemState::cancelled) > 0;
  house_.jobs.forget_secrets(job_.id);
  job_.finished = now;
  job_.message = result();
  job_.state = cancelled ? JobState::cancelled : JobState::done;
  job_.step = cancelled ? "cancelled" : "done";
  end_job(house_, job_, "BULK_START");
  over_ = true;
  jobs_.touch(job_.id);
}

void BulkRun::fail(const std::string& why) {
  if (over_) return;  // it has ended well
  const Time now = house_.clock.now();
  std::vector<JobItem> open;
  for (JobItem& item : house_.jobs.items(job_.id)) {
    if (core::ended(item.state)) continue;
    item.state = ItemState::failed;
    item.detail = "the job could not go on";
    item.changed = now;
    open.push_back(std::move(item));
  }
  house_.jobs.set_items(job_.id, open);
  house_.jobs.forget_secrets(job_.id);
  job_.finished = now;
  job_.message = why;
  job_.state = JobState::failed;
  job_.step = "failed";
  end_job(house_, job_, "BULK_START");
  jobs_.touch(job_.id);
}

void BulkRun::note() {
  const std::vector<JobItem> moved = watch_.take_changes();
  if (moved.empty()) return;
  house_.jobs.set_items(job_.id, moved);
  jobs_.moved(job_.id, watch_.book().counts());
}

void BulkRun::set(JobState state, const std::string& step) {
  if (job_.state == state && job_.step == step) return;
  job_.state = state;
  job_.step = step;
  house_.jobs.update(job_);
  jobs_.touch(job_.id);
}

}  // namespace ringfence::services::admin

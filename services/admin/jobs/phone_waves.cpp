#include "services/admin/jobs/phone_waves.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "services/admin/node/reset_request.h"
#include "services/admin/trust/trust_ledger.h"

namespace ringfence::services::admin {

using core::fetches_trust_lists;
using core::ItemState;
using core::Job;
using core::JobItem;
using core::JobState;
using core::JobWanted;
using namespace std::chrono_literals;

namespace {

constexpr auto kLookEvery = 200ms;
constexpr auto kRegistrarAwayAtMost = 300s;
constexpr auto kLookForRegistrarEvery = 10s;
constexpr auto kLookForGoneEvery = 1s;
constexpr auto kTryStepAgainAfter = 5s;
constexpr int kMostFailedSteps = 60;  // five minutes of them
constexpr const char* kRegistrarAway = "waiting for Cisco CallManager, which does not answer";

}  // namespace

std::vector<JobItem> PhoneWaves::items_of_registered(House& house) {
  std::vector<JobItem> items;
  std::set<std::string> seen;
  const auto phones = house.phones.stamps();  // all at once: a query for each is slow with many
  for (const core::Registration& one : house.registrations())
    // One that was removed just now is registered until its time is over, and nobody's phone.
    if (phones.contains(one.device) && seen.insert(one.device).second)
      items.push_back({one.device, ItemState::waiting, house.clock.now()});
  return items;
}

std::vector<std::string> PhoneWaves::not_told(House& house, const std::vector<JobItem>& items) {
  std::set<std::string> names;
  for (const core::Fetch& one : house.last_itls())
    if (fetches_trust_lists(one.device)) names.insert(one.device);
  if (core::Database* registrar = house.callmanager_db(); registrar != nullptr) {
    const core::Time now = house.clock.now();
    for (const core::Registration& one : core::RegistrationStore(*registrar).list())
      if (one.expires_at > now && !one.answers()) names.insert(one.device);
  }
  for (const JobItem& item : items) names.erase(item.phone);
  const auto phones = house.phones.stamps();
  std::erase_if(names, [&](const std::string& name) { return !phones.contains(name); });
  return {names.begin(), names.end()};
}

bool PhoneWaves::run(Job& job) {
  for (int failures = 0;;) {
    try {
      return follow(job, failures);
    } catch (const std::exception& error) {
      if (given_up_ || ++failures >= kMostFailedSteps) throw;
      core::log(core::Level::error, "PHONE_WAVES_STEP_FAILED",
                {{"job", std::to_string(job.id)}, {"why", error.what()}});
      job.state = JobState::running;
      job.step.clear();  // whatever it says is written down anew
      if (host_.stopping_within(kTryStepAgainAfter)) return false;
    }
  }
}

bool PhoneWaves::follow(Job& job, int& failures) {
  House& house = parts_.house;
  PhoneNews news(house, {job.id, terms_.lists});
  PhoneWatch watch(house.jobs.items(job.id), house.resets(job.id), terms_.goal, terms_.pace);
  registrar_seen_ = std::chrono::steady_clock::now();
  for (bool first = true; first || !watch.finished(); first = false) {
    const core::Time now = house.clock.now();
    look_for_registrar();
    heed(job, watch, now);
    note(job, watch);
    send_wave(job, watch, news, now);
    note(job, watch);
    news.follow(watch.book(), watch.due(now),
                [&](const std::vector<PhoneLook>& looks) { watch.observe(looks, now); });
    note(job, watch);
    failures = 0;
    if (host_.stopping_within(kLookEvery)) return false;
  }
  return true;
}

void PhoneWaves::send_wave(Job& job, PhoneWatch& watch, PhoneNews& news, core::Time now) {
  std::vector<PhoneLook> looks = news.look(watch.next_wave(now));  // before the NOTIFYs
  const auto gone =
      std::stable_partition(looks.begin(), looks.end(), std::mem_fn(&PhoneLook::known));
  watch.observe({gone, looks.end()}, now);  // somebody removed them
  looks.erase(gone, looks.end());
  std::vector<std::string> wave;
  for (const PhoneLook& look : looks) wave.push_back(look.phone);
  try {
    watch.asked(looks, tell(job, wave), now);
    registrar_seen_ = std::chrono::steady_clock::now();
    if (job.wanted == JobWanted::run)
      note_step(job, registrar_away_.empty() ? terms_.step : kRegistrarAway);
  } catch (const core::Error& error) {
    if (error.code() != core::Code::io ||
        std::chrono::steady_clock::now() - registrar_seen_ > kRegistrarAwayAtMost ||
        parts_.services.state(*service_named("Cisco CallManager")).reason == kCommandedOut) {
      given_up_ = true;
      throw;
    }
    watch.not_asked(wave);  // it goes out when Cisco CallManager is back
    note_step(job, kRegistrarAway);
  }
}

std::vector<std::string> PhoneWaves::tell(const Job& job, const std::vector<std::string>& wave) {
  if (wave.empty()) return {};
  House& house = parts_.house;
  // One that hangs is asked briefly: while it is waited for, nobody can pause or cancel the job.
  if (const RegistrarTruth registrar = house.registrar(); registrar.hangs)
    throw core::Error(core::Code::io, registrar.why() +
                                          ", so no phone can be reset; restart it with 'utils "
                                          "service restart Cisco CallManager'");
  return request_reset(house.config, job.id, terms_.kind, wave);
}

void PhoneWaves::note(const Job& job, PhoneWatch& watch) {
  std::vector<JobItem> moved = watch.take_changes();
  if (moved.empty()) return;
  for (JobItem& item : moved)
    if (item.state == ItemState::not_returned && !registrar_away_.empty())
      item.detail += "; " + registrar_away_;
  parts_.house.jobs.set_items(job.id, moved);
  parts_.jobs.moved(job.id, watch.book().counts());
}

/// look_for_registrar asks seldom: one that hangs is waited for. One that is gone is soon back.
void PhoneWaves::look_for_registrar() {
  const auto now = std::chrono::steady_clock::now();
  if (now < look_for_registrar_at_) return;
  const RegistrarTruth registrar = parts_.house.registrar();
  registrar_away_ = registrar.why();
  if (!registrar_away_.empty())
    registrar_away_ += fmt::format("; 'utils service {} Cisco CallManager' mends that",
                                   registrar.hangs ? "restart" : "start");
  const bool gone = !registrar.serving && !registrar.hangs;
  look_for_registrar_at_ =
      std::chrono::steady_clock::now() + (gone ? kLookForGoneEvery : kLookForRegistrarEvery);
}

void PhoneWaves::heed(Job& job, PhoneWatch& watch, core::Time now) {
  job.wanted = parts_.house.jobs.find(job.id).wanted;
  watch.want(job.wanted, now);
  switch (job.wanted) {
    case JobWanted::run:
      if (job.state != JobState::paused) return;
      job.state = JobState::running;
      return host_.save(job);
    case JobWanted::pause:
      if (job.state == JobState::paused) return;
      job.state = JobState::paused;
      job.step = "paused: no further phones are told";
      return host_.save(job);
    case JobWanted::cancel:
      job.state = JobState::running;
      return note_step(job, registrar_away_.empty()
                                ? "cancelled: waiting for the phones that were told"
                                : "cancelled: waiting for the phones that were told, and nobody "
                                  "knows of them: " +
                                      registrar_away_);
  }
}

void PhoneWaves::note_step(Job& job, const std::string& step) {
  if (job.step == step) return;
  job.step = step;
  host_.save(job);
}

void PhoneWaves::close(House& house, std::int64_t job) {
  std::vector<JobItem> open;
  for (JobItem& item : house.jobs.items(job)) {
    if (item.state != ItemState::waiting && item.state != ItemState::reset_sent) continue;
    open.push_back({item.phone, ItemState::not_returned, house.clock.now()});
  }
  house.jobs.set_items(job, open);
}

}  // namespace ringfence::services::admin

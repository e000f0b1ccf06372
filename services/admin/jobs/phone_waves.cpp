#include "services/admin/jobs/phone_waves.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "core/base/error.h"
#include "services/admin/jobs/reset_request.h"
#include "services/admin/trust/trust_ledger.h"

namespace ringfence::services::admin {

using core::ItemState;
using core::Job;
using core::JobItem;
using core::JobState;
using core::JobWanted;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kOutstandingResets = 500;
constexpr auto kLookEvery = 200ms;
constexpr auto kLookForRemovedEvery = 2s;
constexpr auto kRegistrarAwayAtMost = 300s;
constexpr auto kLookForRegistrarEvery = 10s;
constexpr auto kLookForGoneEvery = 1s;
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
  House& house = parts_.house;
  PhoneWatch watch(house.jobs.items(job.id), house.resets(job.id), terms_.goal);
  auto registrar_seen = std::chrono::steady_clock::now();
  core::Time looked_for_removed = house.clock.now();
  const auto known = [&](const std::string& phone) { return house.phones.has(phone); };
  std::set<std::string> inside;
  for (const JobItem& item : house.jobs.items(job.id)) inside.insert(item.phone);
  std::set<std::string> others;  // known ones, by what was seen last
  const auto is_nobodys = [&](const core::Registration& one) {
    if (inside.contains(one.device) || others.contains(one.device)) return false;
    return !known(one.device) || !others.insert(one.device).second;
  };
  for (bool first = true; first || !watch.finished(); first = false) {
    const core::Time now = house.clock.now();
    if (now - looked_for_removed > kLookForRemovedEvery) {
      looked_for_removed = now;
      others.clear();
      house.jobs.set_items(job.id, watch.removed(known, now));
    }
    look_for_registrar();
    std::vector<JobItem> wave;
    if (heed(job, watch)) wave = watch.next_wave(house.registrations(), kOutstandingResets, now);
    try {
      tell(job, watch, wave, now);
      registrar_seen = std::chrono::steady_clock::now();
      if (job.wanted == JobWanted::run)
        note_step(job, registrar_away_.empty() ? terms_.step : kRegistrarAway);
    } catch (const core::Error& error) {
      if (error.code() != core::Code::io ||
          std::chrono::steady_clock::now() - registrar_seen > kRegistrarAwayAtMost ||
          parts_.services.state(*service_named("Cisco CallManager")).reason == kCommandedOut)
        throw;
      watch.put_back(wave, now);  // it goes out when Cisco CallManager is back
      note_step(job, kRegistrarAway);
    }
    std::vector<core::Registration> registrations = house.registrations();
    std::erase_if(registrations, is_nobodys);  // those of removed phones
    const Evidence evidence{registrations,
                            house.trust().of(watch.asked_about(registrations), terms_.lists),
                            house.resets(job.id)};
    std::vector<JobItem> moved = watch.observe(evidence, now);
    for (JobItem& item : moved)
      if (item.state == ItemState::not_returned && !registrar_away_.empty())
        item.detail += "; " + registrar_away_;
    std::ranges::move(watch.take_in(evidence, now), std::back_inserter(moved));
    house.jobs.set_items(job.id, moved);
    if (!wave.empty() || !moved.empty()) parts_.jobs.touch(job.id);
    if (host_.stopping_within(kLookEvery)) return false;
  }
  return true;
}

void PhoneWaves::tell(const Job& job, PhoneWatch& watch, const std::vector<JobItem>& wave,
                      core::Time now) {
  if (wave.empty()) return;
  House& house = parts_.house;
  // One that hangs is asked briefly: while it is waited for, nobody can pause or cancel the job.
  if (const RegistrarTruth registrar = house.registrar(); registrar.hangs)
    throw core::Error(core::Code::io, registrar.why() +
                                          ", so no phone can be reset; restart it with 'utils "
                                          "service restart Cisco CallManager'");
  std::vector<std::string> devices;
  for (const JobItem& item : wave) devices.push_back(item.phone);
  const auto unknown = request_reset(house.config, job.id, terms_.kind, devices);
  house.jobs.set_items(job.id, wave);
  house.jobs.set_items(job.id, watch.unreachable(unknown, now));
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

bool PhoneWaves::heed(Job& job, PhoneWatch& watch) {
  House& house = parts_.house;
  job.wanted = house.jobs.find(job.id).wanted;
  switch (job.wanted) {
    case JobWanted::run:
      if (job.state == JobState::paused) {
        job.state = JobState::running;
        host_.save(job);
      }
      return true;
    case JobWanted::pause:
      if (job.state == JobState::paused) return false;
      job.state = JobState::paused;
      job.step = "paused: no further phones are told";
      host_.save(job);
      return false;
    case JobWanted::cancel:
      job.state = JobState::running;
      house.jobs.set_items(job.id, watch.cancel_waiting(house.clock.now()));
      house.jobs.set_items(job.id,
                           watch.cancel_unanswered(house.resets(job.id), house.clock.now()));
      note_step(job, registrar_away_.empty()
                         ? "cancelled: waiting for the phones that were told"
                         : "cancelled: waiting for the phones that were told, and nobody knows of "
                           "them: " +
                               registrar_away_);
      return false;
  }
  return false;
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

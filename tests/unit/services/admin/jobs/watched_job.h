// A job of resets whose evidence a test writes down, followed as PhoneWaves does it: a phone is
// looked at when something of it has changed, or when it is due.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "services/admin/jobs/phone_watch.h"

namespace ringfence::services::admin {

constexpr core::Time at(int seconds) {
  return core::Time(std::chrono::seconds(1'000'000 + seconds));
}

using Trust = std::map<std::string, PhoneTrust>;

/// Evidence is what the daemons know at one moment; nobody else is known to them.
struct Evidence {
  std::vector<core::Registration> registrations = {};
  Trust trust = {};
  std::vector<core::ResetRow> resets = {};
};

inline core::Registration registration(const std::string& device, const std::string& call_id,
                                       core::Time when) {
  core::Registration one;
  one.device = device;
  one.call_id = call_id;
  one.registered_at = when;
  one.refreshed_at = when;
  return one;
}

inline core::Registration registered_at(const std::string& device, const std::string& address) {
  core::Registration one = registration(device, "call-" + address, at(1));
  one.peer = address + ":5060";
  return one;
}

inline Trust stands(const std::string& device, core::Acceptance acceptance,
                    const std::string& home = "") {
  return {{device, {{acceptance, "a reason", ""}, home, ""}}};
}

/// fetch is a phone that took the list "good", and holds an older one otherwise.
inline Trust fetch(const std::string& device, const std::string& sha1) {
  return stands(device, sha1 == "good" ? core::Acceptance::accepted : core::Acceptance::unknown);
}

inline core::ResetRow reset(const std::string& device, int status, core::Time sent = at(10)) {
  core::ResetRow row;
  row.device = device;
  row.sent_at = sent;
  if (status != 0) row.answered_at = sent + std::chrono::seconds(1);
  row.status = status;
  return row;
}

class WatchedJob {
 public:
  explicit WatchedJob(std::vector<core::JobItem> items,
                      const std::vector<core::ResetRow>& resets = {},
                      PhoneWatch::Goal goal = PhoneWatch::Goal::list, const WavePace& pace = {})
      : watch(std::move(items), resets, goal, pace) {}

  using Items = std::vector<core::JobItem>;

  /// ask gives who waits his turn; `missing` are not registered.
  Items ask(const std::vector<core::Registration>& registrations, core::Time now,
            const std::vector<std::string>& missing = {}) {
    std::vector<PhoneLook> looks;
    for (const std::string& name : watch.next_wave(now))
      looks.push_back(look_at(name, {registrations, {}, {}}));
    watch.asked(looks, missing, now);
    return watch.take_changes();
  }

  /// observe returns who has moved.
  Items observe(const Evidence& evidence, core::Time now) {
    std::set<std::string> names;
    for (const auto& [name, trust] : evidence.trust) names.insert(name);
    for (const core::Registration& one : evidence.registrations) names.insert(one.device);
    for (const core::ResetRow& one : evidence.resets) names.insert(one.device);
    for (const auto& [name, said] : said_) names.insert(name);
    std::set<std::string> looked;
    for (const std::string& name : names) {
      const std::string says = text_of(look_at(name, evidence));
      if (std::exchange(said_[name], says) != says) looked.insert(name);
    }
    for (const std::string& name : watch.due(now)) looked.insert(name);
    std::vector<PhoneLook> looks;
    for (const std::string& name : looked) looks.push_back(look_at(name, evidence));
    watch.observe(looks, now);
    return watch.take_changes();
  }

  /// remove is the phone's removal by an administrator.
  Items remove(const std::string& phone, core::Time now) {
    PhoneLook gone;
    gone.phone = phone;
    gone.known = false;
    watch.observe({gone}, now);
    return watch.take_changes();
  }

  PhoneWatch watch;

 private:
  static PhoneLook look_at(const std::string& name, const Evidence& evidence) {
    PhoneLook look;
    look.phone = name;
    for (const core::Registration& one : evidence.registrations)
      if (one.device == name) look.contacts.push_back(one);
    for (const core::ResetRow& one : evidence.resets)
      if (one.device == name) look.reset = one;
    if (const auto trust = evidence.trust.find(name); trust != evidence.trust.end())
      look.trust = trust->second;
    return look;
  }

  /// text_of has all of a look by which the daemons would tell of a change.
  static std::string text_of(const PhoneLook& look) {
    std::string text;
    for (const core::Registration& one : look.contacts)
      text += fmt::format("{} {} {};", one.call_id, one.peer, core::to_seconds(one.registered_at));
    if (look.reset)
      text += fmt::format("{} {} {};", core::to_seconds(look.reset->sent_at), look.reset->status,
                          look.reset->answered_by);
    return text + fmt::format("{} {} {}", static_cast<int>(look.trust.judgement.acceptance),
                              look.trust.judgement.awaited, look.trust.home);
  }

  std::map<std::string, std::string> said_;  ///< what was last known, by phone
};

/// OnePhone is a job of one phone, which was asked at 10.
class OnePhone {
 public:
  static inline const std::string kName = "SEP000000000001";

  OnePhone() { job.ask({registration(kName, "old", at(1))}, at(10)); }

  bool finished() const { return job.watch.finished(); }

  WatchedJob job{{{kName, core::ItemState::waiting, at(0)}}};
};

}  // namespace ringfence::services::admin

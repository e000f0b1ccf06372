#include "services/callmanager/sightings.h"

#include <algorithm>

namespace ringfence::services::callmanager {

Sightings::Sightings(std::vector<core::PhoneReport> reports) {
  for (core::PhoneReport& report : reports) {
    std::string device = report.device;
    if (!report.address.empty()) first_[device] = {report.address, core::Time()};
    reports_.emplace(std::move(device), std::move(report));
  }
}

core::PhoneReport& Sightings::of(const std::string& device) {
  const auto [at, added] = reports_.try_emplace(device);
  if (added) at->second.device = device;
  return at->second;
}

std::optional<core::PhoneReport> Sightings::registered(const std::string& device,
                                                       const std::string& address, core::Time now) {
  note_first(device, address, now);
  core::PhoneReport& report = of(device);
  if (report.address == address) return std::nullopt;
  if (!report.address.empty()) {
    report.previous_address = report.address;
    report.moved_at = now;
  }
  report.address = address;
  return report;
}

void Sightings::note_first(const std::string& device, const std::string& address, core::Time now) {
  FirstAddress& first = first_[device];
  if (first.address == address || now - first.seen > kSilence) first = {address, now};
}

bool Sightings::knows(const std::string& device, const std::string& address) const {
  const auto found = first_.find(device);
  return found != first_.end() && found->second.address == address;
}

bool Sightings::still_there(const std::string& device, const std::string& address, core::Time now) {
  if (said_.size() >= tidy_at_) {
    std::erase_if(said_, [now](const auto& one) { return now - one.second >= kSayAgain; });
    tidy_at_ = std::max<std::size_t>(1000, 2 * said_.size());
  }
  const auto [said, first] = said_.try_emplace({device, address}, now);
  if (!first && now - said->second < kSayAgain && now >= said->second) return false;
  said->second = now;
  return true;
}

/// forget_of_the_loudest makes room: the oldest of the address that spoke for most devices goes.
void Sightings::forget_of_the_loudest() {
  std::map<std::string, std::size_t> shares;
  for (const auto& [source, alarm] : unproven_) ++shares[source.second];
  const auto loudest = std::max_element(
      shares.begin(), shares.end(),
      [](const auto& left, const auto& right) { return left.second < right.second; });
  auto oldest = unproven_.end();
  for (auto one = unproven_.begin(); one != unproven_.end(); ++one)
    if (one->first.second == loudest->first &&
        (oldest == unproven_.end() || one->second.at < oldest->second.at))
      oldest = one;
  unproven_.erase(oldest);
}

std::optional<core::PhoneReport> Sightings::alarmed_from(const std::string& address,
                                                         const std::string& device,
                                                         const PhoneAlarm& alarm, Heard heard,
                                                         core::Time now) {
  const Source source(device, address);
  if (!unproven_.contains(source) && unproven_.size() >= kMostUnproven) {
    std::erase_if(unproven_,
                  [now](const auto& one) { return now - one.second.at >= kClaimedWithin; });
    if (unproven_.size() >= kMostUnproven) forget_of_the_loudest();
  }
  unproven_.insert_or_assign(source, Unproven{alarm, now, heard});
  core::PhoneReport& report = of(device);
  const core::UnprovenAlarm next{address, alarm.cause, alarm.last_reason, now};
  if (next == report.other) return std::nullopt;
  report.other = next;
  return report;
}

std::optional<PhoneAlarm> Sightings::claimed(const std::string& device, const std::string& address,
                                             Heard heard, core::Time now) {
  const auto found = unproven_.find({device, address});
  if (found == unproven_.end()) return std::nullopt;
  std::optional<PhoneAlarm> alarm;
  const bool may_be_others =
      found->second.heard == Heard::by_datagram && heard == Heard::over_connection;
  if (now - found->second.at < kClaimedWithin && !may_be_others)
    alarm = std::move(found->second.alarm);
  unproven_.erase(found);
  core::PhoneReport& report = of(device);
  if (report.other.address == address) report.other = {};
  return alarm;
}

std::optional<core::PhoneReport> Sightings::alarmed(const std::string& device,
                                                    const PhoneAlarm& alarm, core::Time now) {
  core::PhoneReport& report = of(device);
  core::PhoneReport next = report;
  const auto take = [](std::string& member, const std::string& said) {
    if (!said.empty()) member = said;
  };
  take(next.alarm, alarm.name);
  take(next.active_load, alarm.active_load);
  take(next.inactive_load, alarm.inactive_load);
  // A number and its words come together.
  if (alarm.cause != 0 || !alarm.last_reason.empty()) {
    if (alarm.cause != report.cause || !alarm.last_reason.empty())
      next.last_reason = alarm.last_reason;
    next.cause = alarm.cause;
  }
  next.reported_at = now;
  if (next == report) return std::nullopt;
  report = next;
  return report;
}

}  // namespace ringfence::services::callmanager

#include "services/callmanager/sightings.h"

namespace ringfence::services::callmanager {

Sightings::Sightings(std::vector<core::PhoneReport> reports) {
  for (core::PhoneReport& report : reports) {
    std::string device = report.device;
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
  core::PhoneReport& report = of(device);
  if (report.address == address) return std::nullopt;
  if (!report.address.empty()) {
    report.previous_address = report.address;
    report.moved_at = now;
  }
  report.address = address;
  return report;
}

bool Sightings::knows(const std::string& device, const std::string& address) const {
  const auto found = reports_.find(device);
  return found != reports_.end() && found->second.address == address;
}

std::optional<core::PhoneReport> Sightings::alarmed_from(const std::string& address,
                                                         const std::string& device,
                                                         const PhoneAlarm& alarm, core::Time now) {
  if (unproven_.size() >= kMostUnproven)
    std::erase_if(unproven_,
                  [now](const auto& one) { return now - one.second.at >= kClaimedWithin; });
  if (unproven_.size() < kMostUnproven || unproven_.contains(device))
    unproven_.insert_or_assign(device, Unproven{alarm, address, now});
  core::PhoneReport& report = of(device);
  const core::UnprovenAlarm next{address, alarm.cause, alarm.last_reason, now};
  if (next == report.other) return std::nullopt;
  report.other = next;
  return report;
}

std::optional<PhoneAlarm> Sightings::claimed(const std::string& device, const std::string& address,
                                             core::Time now) {
  const auto found = unproven_.find(device);
  if (found == unproven_.end() || found->second.address != address) return std::nullopt;
  std::optional<PhoneAlarm> alarm;
  if (now - found->second.at < kClaimedWithin) alarm = std::move(found->second.alarm);
  unproven_.erase(found);
  of(device).other = {};
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

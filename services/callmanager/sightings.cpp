#include "services/callmanager/sightings.h"

#include <algorithm>
#include <functional>

namespace ringfence::services::callmanager {
namespace {

/// fair_share returns how many each may keep so that all keep at most `room` together, those with
/// fewer all of theirs; at least 1.
std::size_t fair_share(std::vector<std::size_t> shares, std::size_t room) {
  std::ranges::sort(shares);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const std::size_t equal = room / (shares.size() - i);
    if (shares[i] > equal) return std::max<std::size_t>(1, equal);
    room -= shares[i];
  }
  return room;
}

}  // namespace

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

/// make_room forgets what is too old, and when that is not enough a quarter: of the addresses that
/// spoke for most devices, the oldest. So much at once, that a flood pays for a look at all of them
/// only now and then.
void Sightings::make_room(core::Time now) {
  std::erase_if(unproven_,
                [now](const auto& one) { return now - one.second.at >= kClaimedWithin; });
  if (unproven_.size() < kMostUnproven) return;
  constexpr std::size_t kKept = kMostUnproven / 4 * 3;
  std::map<std::string_view, std::size_t> shares;
  std::vector<std::map<Source, Unproven>::const_iterator> newest;
  for (auto one = unproven_.cbegin(); one != unproven_.cend(); ++one) {
    ++shares[one->first.second];
    newest.push_back(one);
  }
  std::vector<std::size_t> sizes;
  for (const auto& [address, share] : shares) sizes.push_back(share);
  const std::size_t each = fair_share(std::move(sizes), kKept);
  std::ranges::stable_sort(newest, std::greater(), [](const auto& one) { return one->second.at; });
  std::map<std::string, std::size_t> kept;
  std::size_t in_all = 0;
  for (const auto& one : newest) {
    const bool stays = in_all < kKept && kept[one->first.second] < each;
    if (stays) {
      ++in_all;
      ++kept[one->first.second];
    } else {
      unproven_.erase(one);
    }
  }
}

std::optional<core::PhoneReport> Sightings::alarmed_from(const std::string& address,
                                                         const std::string& device,
                                                         const PhoneAlarm& alarm, Heard heard,
                                                         core::Time now) {
  const Source source(device, address);
  if (unproven_.size() >= kMostUnproven && !unproven_.contains(source)) make_room(now);
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

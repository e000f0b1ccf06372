// What is known of each device beyond its registration: its address before, its last alarm.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/phones/phone_report_store.h"
#include "services/callmanager/phone_alarm.h"

namespace ringfence::services::callmanager {

/// Unproven is an alarm that spoke for a device from elsewhere.
struct Unproven {
  PhoneAlarm alarm;
  std::string address;
  core::Time at;
};

/// Sightings keeps a report a device, of devices that admin.db knows only: their number bounds it.
/// No sockets, no clock; one thread at a time.
class Sightings {
 public:
  explicit Sightings(std::vector<core::PhoneReport> reports);

  /// registered notes the address that `device` registers from; returns the report when that is
  /// another than before, or the first.
  std::optional<core::PhoneReport> registered(const std::string& device, const std::string& address,
                                              core::Time now);

  /// knows tells whether `device` registered from `address` last, by what is remembered.
  bool knows(const std::string& device, const std::string& address) const;

  /// alarmed_from notes an alarm that came from an address which is not the device's: nothing of
  /// what the device said itself is touched. Returns the report, or nothing when it told nothing
  /// new in the last second.
  std::optional<core::PhoneReport> alarmed_from(const std::string& address,
                                                const std::string& device, const PhoneAlarm& alarm,
                                                core::Time now);

  /// claimed takes out what alarmed_from noted of `device` from `address` less than two minutes
  /// ago, once the device has registered from there: phones send their alarm first.
  std::optional<PhoneAlarm> claimed(const std::string& device, const std::string& address,
                                    core::Time now);

  /// alarmed notes what an alarm said of `device`; what it left out stays as it was. Returns the
  /// report, or nothing when it told nothing new in the last second.
  std::optional<core::PhoneReport> alarmed(const std::string& device, const PhoneAlarm& alarm,
                                           core::Time now);

 private:
  core::PhoneReport& of(const std::string& device);

  static constexpr std::size_t kMostUnproven = 1000;
  static constexpr std::chrono::seconds kClaimedWithin{120};

  std::map<std::string, core::PhoneReport> reports_;
  std::map<std::string, Unproven> unproven_;  ///< the last one of a device
};

}  // namespace ringfence::services::callmanager

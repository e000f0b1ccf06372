// What is known of each device beyond its registration: its address before, its last alarm.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/phones/phone_report_store.h"
#include "services/callmanager/phone_alarm.h"

namespace ringfence::services::callmanager {

/// Sightings keeps a report a device, of devices that admin.db knows only: their number bounds it.
/// No sockets, no clock; one thread at a time.
class Sightings {
 public:
  explicit Sightings(std::vector<core::PhoneReport> reports);

  /// registered notes the address that `device` registers from; returns the report when that is
  /// another than before, or the first.
  std::optional<core::PhoneReport> registered(const std::string& device, const std::string& address,
                                              core::Time now);

  /// alarmed notes what an alarm said of `device`; what it left out stays as it was. Returns the
  /// report, or nothing when it told nothing new in the last second.
  std::optional<core::PhoneReport> alarmed(const std::string& device, const PhoneAlarm& alarm,
                                           core::Time now);

 private:
  core::PhoneReport& of(const std::string& device);

  std::map<std::string, core::PhoneReport> reports_;
};

}  // namespace ringfence::services::callmanager

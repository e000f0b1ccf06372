// What devices say of themselves when they register. callmanager.db, written by
// ringfence-callmanager alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/storage/database.h"

namespace ringfence::core {

/// UnprovenAlarm is an alarm that named a device and came from an address which is not known to be
/// the device's: it may be a phone that is about to register from there, or anybody.
struct UnprovenAlarm {
  std::string address;  ///< that it came from; empty when there never was one
  int cause = 0;        ///< as in PhoneReport
  std::string reason;   ///< as PhoneReport::last_reason
  std::optional<Time> at;

  bool operator==(const UnprovenAlarm&) const = default;
};

/// PhoneReport is the last that was heard of a device: where it registered from, and what its alarm
/// said. It outlives the registration.
struct PhoneReport {
  std::string device;
  std::string address;              ///< that it registered from last, without port
  std::string previous_address;     ///< the one before, or empty
  std::optional<Time> moved_at;     ///< when the address changed
  std::string alarm;                ///< name of the alarm, "LastOutOfServiceInformation", or empty
  int cause = 0;                    ///< the alarm's number; 0 when it had none
  std::string last_reason;          ///< why it restarted last, in its own words: "Reset-Restart"
  std::string active_load;          ///< the firmware that runs
  std::string inactive_load;        ///< the firmware in its other half
  std::optional<Time> reported_at;  ///< of the alarm; absent when there never was one
  UnprovenAlarm other{};            ///< what somebody else said for it last

  bool operator==(const PhoneReport&) const = default;
};

/// PhoneReportStore keeps one a device. Safe from several threads. Errors: `io`.
class PhoneReportStore {
 public:
  /// `database` is callmanager.db; the reading calls work read-only too.
  explicit PhoneReportStore(Database& database) : database_(database) {}

  void save(const PhoneReport& report);  ///< inserts or replaces
  std::optional<PhoneReport> find(std::string_view device) const;
  std::vector<PhoneReport> list() const;  ///< by device
  /// list_of is list for the devices after `after`, up to and with `last`.
  std::vector<PhoneReport> list_of(const std::string& after, const std::string& last) const;

 private:
  Database& database_;
};

}  // namespace ringfence::core

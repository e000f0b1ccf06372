// What is known of each device beyond its registration: its address before, its last alarm.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/phones/phone_report_store.h"
#include "services/callmanager/phone_alarm.h"

namespace ringfence::services::callmanager {

/// Heard is how something came: a datagram's source may be forged.
enum class Heard { by_datagram, over_connection };

/// Unproven is an alarm that spoke for a device from elsewhere.
struct Unproven {
  PhoneAlarm alarm;
  core::Time at;
  Heard heard;
};

/// FirstAddress is who registered a device first, of those who do so without an hour's silence.
struct FirstAddress {
  std::string address;
  core::Time seen;  ///< when it registered or refreshed last
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

  /// knows tells whether `address` registered `device` first; another follows when that one was
  /// silent for long, since phones move. A new Call-ID or an absence in between changes nothing.
  /// After a start it is the address of the report until somebody registers.
  bool knows(const std::string& device, const std::string& address) const;

  /// still_there tells, of an address that registered `device` or refreshed that, whether it is
  /// time to say so again: at most once in kSayAgain, since it may happen each minute.
  bool still_there(const std::string& device, const std::string& address, core::Time now);

  /// alarmed_from notes an alarm that came from an address which is not the device's: nothing of
  /// what the device said itself is touched. Returns the report, or nothing when it told nothing
  /// new in the last second.
  std::optional<core::PhoneReport> alarmed_from(const std::string& address,
                                                const std::string& device, const PhoneAlarm& alarm,
                                                Heard heard, core::Time now);

  /// claimed takes out (over a connection: but for what came by datagram, which is lost then) what
  /// alarmed_from noted of `device` from `address` less than two minutes
  /// ago, once the device has registered from there: phones send their alarm first.
  std::optional<PhoneAlarm> claimed(const std::string& device, const std::string& address,
                                    Heard heard, core::Time now);

  /// alarmed notes what an alarm said of `device`; what it left out stays as it was. Returns the
  /// report, or nothing when it told nothing new in the last second.
  std::optional<core::PhoneReport> alarmed(const std::string& device, const PhoneAlarm& alarm,
                                           core::Time now);

 private:
  using Source = std::pair<std::string, std::string>;  ///< a device, and who spoke for it

  core::PhoneReport& of(const std::string& device);
  void note_first(const std::string& device, const std::string& address, core::Time now);
  void make_room(core::Time now);

  static constexpr std::size_t kMostUnproven =
      1000;  ///< then the addresses with the most lose theirs
  static constexpr std::chrono::seconds kClaimedWithin{120};
  static constexpr std::chrono::minutes kSayAgain{5};
  static constexpr std::chrono::seconds kSilence{3700};  ///< more than any lifetime with its grace

  std::map<std::string, core::PhoneReport> reports_;
  std::map<std::string, FirstAddress> first_;  ///< by device
  std::map<Source, Unproven> unproven_;
  std::map<Source, core::Time> said_;  ///< of the last minutes, see still_there
  std::size_t tidy_at_ = 1000;         ///< so many of said_
};

}  // namespace ringfence::services::callmanager

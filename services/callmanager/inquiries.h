// Alarms that came as datagrams, until it is known who sent them.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/net/occupancy.h"
#include "services/callmanager/phone_alarm.h"
#include "services/callmanager/wire.h"

namespace ringfence::services::callmanager {

/// Inquiry is an alarm, and the question that went back to where it says it came from.
struct Inquiry {
  std::string device;
  PhoneAlarm alarm;
  Way way;           ///< that the alarm came
  Way back;          ///< that the question went
  std::string text;  ///< the question
};

/// Inquiries are the questions that are not answered, by branch. A question comes again after one
/// and two seconds, and has ended after three: who sent an alarm is there. 4,000 in all and 500 of
/// an address are kept; then see core::Occupancy. No sockets, no clock; one thread at a time.
class Inquiries {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kPatience{3};

  /// start keeps an inquiry; false when there is no place.
  bool start(const std::string& branch, Inquiry inquiry, Time now);

  /// answered ends the inquiry that a final response from `address` belongs to.
  std::optional<Inquiry> answered(const std::string& branch, const std::string& address);

  struct Due {
    std::vector<const Inquiry*> again;  ///< to be asked again; valid until the next call
    std::vector<Inquiry> silent;        ///< that nobody answered in time, and which have ended
  };

  /// due is asked once a second.
  Due due(Time now);

  std::size_t count() const noexcept { return pending_.size(); }

 private:
  struct Pending {
    Inquiry inquiry;
    Time began;
    int sent = 1;
    std::unique_ptr<core::Seat> seat;
  };

  core::Occupancy places_{{.connections = 4000, .per_address = 500}};
  std::map<std::string, Pending> pending_;
};

}  // namespace ringfence::services::callmanager

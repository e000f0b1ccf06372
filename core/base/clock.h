// Time as a parameter, so that a test can choose it.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace ringfence::core {

/// Time is UTC in whole seconds, everywhere.
using Time = std::chrono::sys_seconds;

/// Clock tells the time. Safe from several threads.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  virtual Time now() const = 0;
};

/// SystemClock is the machine's clock.
class SystemClock final : public Clock {
 public:
  Time now() const override;
};

/// to_iso returns "2026-11-21T10:15:00Z" (RFC 3339).
std::string to_iso(Time time);

/// to_java_date returns "Mon Nov 21 15:49:43 UTC 2016", the form of CUCM's certificate dump and
/// of the trust list's "last modified" line.
std::string to_java_date(Time time);

/// to_seconds and from_seconds convert to and from seconds since 1970, as the store keeps them.
std::int64_t to_seconds(Time time);
Time from_seconds(std::int64_t seconds);

}  // namespace ringfence::core

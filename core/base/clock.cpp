#include "core/base/clock.h"

#include <ctime>

namespace ringfence::core {
namespace {

std::string format(Time time, const char* pattern) {
  const std::time_t seconds = static_cast<std::time_t>(to_seconds(time));
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, pattern, &parts)};
}

}  // namespace

Time SystemClock::now() const {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

std::string to_iso(Time time) {
  return format(time, "%Y-%m-%dT%H:%M:%SZ");
}

std::string to_java_date(Time time) {
  return format(time, "%a %b %d %H:%M:%S UTC %Y");
}

std::int64_t to_seconds(Time time) {
  return time.time_since_epoch().count();
}

Time from_seconds(std::int64_t seconds) {
  return Time(std::chrono::seconds(seconds));
}

}  // namespace ringfence::core

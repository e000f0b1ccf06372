// How often a device may try an authentication string.
#include "services/capf/throttle.h"

namespace ringfence::services::capf {

std::optional<core::Time> Throttle::attempt(std::string_view device, core::Time now) {
  const std::lock_guard lock(mutex_);
  forget_old(now);
  Tries& tries = tries_[std::string(device)];
  if (tries.count == 0) tries.first = now;
  if (tries.count >= kAttempts) return tries.first + kWindow;
  ++tries.count;
  return std::nullopt;
}

void Throttle::succeeded(std::string_view device) {
  const std::lock_guard lock(mutex_);
  tries_.erase(std::string(device));
}

void Throttle::forget_old(core::Time now) {
  std::erase_if(tries_, [now](const auto& entry) { return entry.second.first + kWindow <= now; });
}

}  // namespace ringfence::services::capf

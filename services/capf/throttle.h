// How often a device may try an authentication string.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/clock.h"

namespace ringfence::services::capf {

/// Throttle allows each device `kAttempts` wrong strings within `kWindow` of the first, across
/// sessions. Safe from several threads.
class Throttle {
 public:
  static constexpr int kAttempts = 3;
  static constexpr std::chrono::minutes kWindow{5};

  /// attempt counts one try before it is judged. Returns nothing when it may be made, else when
  /// the next one may.
  std::optional<core::Time> attempt(std::string_view device, core::Time now);

  /// succeeded forgets the device's tries.
  void succeeded(std::string_view device);

 private:
  struct Tries {
    int count = 0;
    core::Time first;
  };

  void forget_old(core::Time now);

  std::mutex mutex_;
  std::unordered_map<std::string, Tries> tries_;
};

}  // namespace ringfence::services::capf

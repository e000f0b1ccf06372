// How often a device may try an authentication string.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/clock.h"

namespace ringfence::services::capf {

/// Throttle bounds wrong strings, across sessions: `kAttempts` a device from one address, so that a
/// stranger elsewhere does not lock the phone out, and `kAttemptsInAll` a device, so that one with
/// many addresses cannot guess for long. Each count ends `kWindow` after its first try. Safe from
/// several threads.
class Throttle {
 public:
  static constexpr int kAttempts = 3;
  static constexpr int kAttemptsInAll = 15;
  static constexpr std::chrono::minutes kWindow{5};

  /// Block is when the next try may be made.
  struct Block {
    core::Time until;
    bool first = false;  ///< the first one that this address met for this device, until then
  };

  /// attempt counts one try from the IP address `peer` before it is judged. Returns nothing when it
  /// may be made.
  std::optional<Block> attempt(std::string_view device, std::string_view peer, core::Time now);

  /// succeeded forgets the device's tries from `peer`, also in the device's sum.
  void succeeded(std::string_view device, std::string_view peer);

 private:
  struct Tries {
    int count = 0;
    core::Time first;
    bool blocked = false;  ///< by_peer_ only: one was turned away
  };

  void forget_old(core::Time now);

  std::mutex mutex_;
  std::unordered_map<std::string, Tries> in_all_;   ///< by device
  std::unordered_map<std::string, Tries> by_peer_;  ///< by "<device> <peer>"
};

}  // namespace ringfence::services::capf

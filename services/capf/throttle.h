// How often a device's authentication string may be tried, over restarts of this program.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "services/capf/records.h"

namespace ringfence::services::capf {

/// Throttle bounds tries of authentication strings.
///
/// Each proven address of a device has kAttempts of its own, which nobody else can use up. So have
/// the first kReserved addresses that register as it, and the first kReserved that merely fetch, as
/// anybody can; such a place is kept until the address is forgotten, whatever becomes of it. All
/// others are strangers: kAttempts an address, kAttemptsOfStrangers together. When a share is used
/// up, a pause follows, then as many again; each pause is twice as long as the one before, from
/// kPause to an hour for a proven address, to a day for others. Eight days without a try end it:
/// two quiet ones must not bring back short pauses. Every try is on disk before it is judged. Safe
/// from several threads.
class Throttle {
 public:
  static constexpr int kAttempts = 3;
  static constexpr int kAttemptsOfStrangers = 12;
  static constexpr std::ptrdiff_t kReserved = 4;
  static constexpr std::chrono::minutes kPause{5};

  /// Who is asking: a proven address of the device, one that registers as it, one that fetches, or
  /// a stranger's.
  enum class Who { proven, likely, seen, stranger };

  /// Block is when the next try may be made.
  struct Block {
    core::Time until;
    bool first = false;  ///< nobody was told yet, since this share was used up
  };

  /// attempt counts one try from the IP address `peer` before it is judged. Returns nothing when it
  /// may be made. Throws what the records throw.
  std::optional<Block> attempt(Records& records, std::string_view device, std::string_view peer,
                               Who who, core::Time now);

  /// succeeded forgets the device's tries from `peer`, also in the strangers' sum.
  void succeeded(Records& records, std::string_view device, std::string_view peer, Who who,
                 core::Time now);

 private:
  std::mutex& mutex_of(std::string_view device);

  std::array<std::mutex, 64> mutexes_;  ///< by device: a try of one waits for no other's disk
};

}  // namespace ringfence::services::capf

// Which NOTIFY goes out next, how many may be unanswered, and what became of each device.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "services/callmanager/protocol.h"

namespace ringfence::services::callmanager {

/// ResetKey names one device of one reset.
struct ResetKey {
  std::int64_t id = 0;
  std::string device;

  auto operator<=>(const ResetKey&) const = default;
};

/// Order is a device to be asked.
struct Order {
  ResetKey key;
  ResetKind kind = ResetKind::reset;
};

/// ResetQueue paces resets: devices wait in the order they were asked for, and the next starts
/// while fewer than `most` NOTIFY are unanswered. One thread at a time.
///
/// A device's several contacts are asked at once. Its outcome is the first 2xx, since that phone
/// then obeys; otherwise, when all have answered, the status of the last.
class ResetQueue {
 public:
  explicit ResetQueue(std::size_t most) : most_(most) {}

  /// add makes a device wait; false when the same device of the same reset is under way already.
  bool add(Order order);

  /// next takes the device to be asked now, or nothing: none waits, or enough are unanswered.
  std::optional<Order> next();

  /// sent says that `count` contacts of a device that `next` gave are being asked; with 0 the
  /// device is done.
  void sent(const ResetKey& key, std::size_t count);

  /// answered counts one answer; returns the status that is the device's outcome, once.
  std::optional<int> answered(const ResetKey& key, int status);

  std::size_t waiting() const noexcept { return waiting_.size(); }

  std::size_t unanswered() const noexcept { return unanswered_; }

 private:
  struct Asked {
    std::size_t unanswered = 0;
    bool decided = false;
  };

  std::size_t most_;
  std::deque<Order> waiting_;
  std::map<ResetKey, Asked> asked_;  ///< waiting and unanswered devices
  std::size_t unanswered_ = 0;
};

}  // namespace ringfence::services::callmanager

// A time limit on what one coroutine waits for.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "core/net/asio.h"

namespace ringfence::fleet {

/// Alarm calls `cancel` once the time set last has passed, unless it ended before.
///
/// Lives inside one coroutine on its strand; `cancel` runs there and makes the pending operation
/// fail. What `cancel` refers to must outlive the Alarm.
class Alarm {
 public:
  Alarm(const core::asio::any_io_executor& executor, std::function<void()> cancel);
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// set starts the time anew.
  void set(std::chrono::steady_clock::duration after);

  /// rang tells whether the time passed since the last `set`.
  bool rang() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ringfence::fleet

// One thread's sockets and moments, for servers whose every packet would feel a hop.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "core/base/file.h"

namespace ringfence::core {

/// PollLoop calls who waits for a socket or for a moment, all on the thread that calls `run_once`:
/// they need no locks and must not block. Everything but `post` belongs to that thread.
class PollLoop {
 public:
  using Clock = std::chrono::steady_clock;

  /// Waiter waits for one socket to have something and for one moment. It must not end while
  /// run_once runs; whoever wants it to go keeps it until then, see `unwatch`.
  class Waiter {
   public:
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    virtual ~Waiter() = default;

    /// readable is called as long as something can be received.
    virtual void readable() = 0;
    /// overdue is called once when the moment that was set is there, or soon after.
    virtual void overdue(Clock::time_point now) = 0;

   private:
    friend class PollLoop;
    using Alarms = std::multimap<Clock::time_point, Waiter*>;

    int watched_ = -1;
    Clock::time_point due_;
    bool due_set_ = false;
    bool has_alarm_ = false;
    Alarms::iterator alarm_;
  };

  /// Throws Error{io}.
  PollLoop();
  PollLoop(const PollLoop&) = delete;
  PollLoop& operator=(const PollLoop&) = delete;

  /// watch calls `who` for this socket, which must be open until `unwatch` and then be
  /// closed. Throws Error{io}.
  void watch(int descriptor, Waiter& who);

  /// unwatch stops calling `who`, for its socket and for its moment. Its socket must be closed
  /// before the next run_once.
  void unwatch(Waiter& who) noexcept;

  /// wake_at sets the moment, instead of the last one. Putting it off, as each packet does, costs
  /// nothing: the alarm of before looks again.
  void wake_at(Waiter& who, Clock::time_point moment);

  /// let_sleep unsets it.
  static void let_sleep(Waiter& who) noexcept { who.due_set_ = false; }

  /// post has `task` run by the loop. Any thread.
  void post(std::function<void()> task);

  /// now is when the last wait was over: near enough for deadlines, and free.
  Clock::time_point now() const noexcept { return now_; }

  /// run_once waits until something is to be done, and does it.
  void run_once();

 private:
  void drop_alarm(Waiter& who) noexcept;
  int patience() const;
  void call_overdue();
  void run_posted();

  Fd events_;
  Fd posted_signal_;
  Waiter::Alarms alarms_;
  Clock::time_point now_ = Clock::now();
  std::mutex mutex_;  // for what follows
  std::vector<std::function<void()>> posted_;
};

}  // namespace ringfence::core

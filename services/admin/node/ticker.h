// A thread that does a piece of work again and again.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace ringfence::services::admin {

/// Ticker runs `work` at once and then each time `period` has passed since it ended, until it is
/// stopped. `work` handles its own errors: it must not throw.
class Ticker {
 public:
  Ticker(std::chrono::milliseconds period, std::function<void()> work)
      : period_(period), work_(std::move(work)), thread_([this] { loop(); }) {}

  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  /// Waits for work that is under way.
  ~Ticker() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  void loop() {
    for (;;) {
      work_();
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, period_, [this] { return stopping_; })) return;
    }
  }

  const std::chrono::milliseconds period_;
  const std::function<void()> work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  ///< guarded by mutex_
  std::thread thread_;     // last: it uses the rest
};

}  // namespace ringfence::services::admin

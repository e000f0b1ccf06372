// Looks after a daemon's log while nobody logs.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace ringfence::core {

/// LogKeeper keeps the log's file within bounds every second, tells every few seconds what the log
/// left out, and the rest at its end. Its thread takes no signals.
class LogKeeper {
 public:
  LogKeeper();
  ~LogKeeper();
  LogKeeper(const LogKeeper&) = delete;
  LogKeeper& operator=(const LogKeeper&) = delete;

 private:
  void run(const std::stop_token& ended);

  std::mutex mutex_;
  std::condition_variable_any woken_;
  std::jthread thread_;
};

}  // namespace ringfence::core

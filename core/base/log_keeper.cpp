#include "core/base/log_keeper.h"

#include <signal.h>

#include <chrono>

#include "core/base/log_file.h"

namespace ringfence::core {

LogKeeper::LogKeeper() {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::jthread([this](const std::stop_token& ended) { run(ended); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LogKeeper::~LogKeeper() {
  thread_.request_stop();
  thread_.join();
  tell_repeated(Telling::everything);
}

void LogKeeper::run(const std::stop_token& ended) {
  constexpr int kTellEvery = 5;
  std::unique_lock lock(mutex_);
  for (int second = 1; !ended.stop_requested(); ++second) {
    woken_.wait_for(lock, ended, std::chrono::seconds(1), [] { return false; });
    keep_log_bounds();
    if (second % kTellEvery == 0) tell_repeated(Telling::what_is_due);
  }
}

}  // namespace ringfence::core

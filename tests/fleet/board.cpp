#include "tests/fleet/board.h"

#include <algorithm>
#include <thread>

namespace ringfence::fleet {

Board::Board(const std::vector<std::string>& names) {
  report_.phones.resize(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) report_.phones[i].name = names[i];
}

Report Board::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

bool Board::wait_until(const std::function<bool(const Report&)>& done,
                       std::chrono::milliseconds timeout) const {
  using Steady = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kPause{50};
  const auto end = Steady::now() + timeout;
  std::unique_lock lock(mutex_);
  for (;;) {
    const std::uint64_t seen = version_;
    const Report now = report_;
    lock.unlock();
    if (done(now)) return true;
    const auto next = std::min(Steady::now() + kPause, end);
    std::this_thread::sleep_until(next);  // thousands of phones change many times a second
    lock.lock();
    if (Steady::now() >= end && version_ == seen) return false;
    changed_.wait_until(lock, end, [&] { return version_ != seen; });
  }
}

}  // namespace ringfence::fleet

// Waiting for an event that nobody announces.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

namespace ringfence::test {

/// eventually waits until `happened()`, at most 20 seconds; false when it did not. It looks often
/// at first and every 10 milliseconds in the end, so that it does not take the processor from those
/// it waits for.
template <typename Happened>
bool eventually(Happened happened) {
  constexpr std::chrono::microseconds kLongest{10'000};
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (auto look_again = std::chrono::microseconds(50); !happened(); look_again *= 2) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    look_again = std::min(look_again, kLongest);
    std::this_thread::sleep_for(look_again);
  }
  return true;
}

}  // namespace ringfence::test

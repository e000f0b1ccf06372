// Waiting for an event that nobody announces.
#pragma once

#include <chrono>
#include <thread>

namespace ringfence::test {

/// eventually waits until `happened()`, at most 20 seconds; false when it did not.
template <typename Happened>
bool eventually(Happened happened) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!happened()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace ringfence::test

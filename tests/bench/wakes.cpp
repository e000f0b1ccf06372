#include "tests/bench/wakes.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <semaphore>
#include <thread>

namespace ringfence::bench {
namespace {

constexpr std::size_t kBatch = 16;

struct Sleeper {
  std::counting_semaphore<> wake{0};
  std::thread thread;
};

}  // namespace

Seconds wake_sleepers(std::size_t count, std::size_t sleepers) {
  std::counting_semaphore<> woken(0);
  std::atomic<bool> end = false;
  std::deque<Sleeper> all(sleepers);
  for (Sleeper& one : all)
    one.thread = std::thread([&one, &woken, &end] {
      for (one.wake.acquire(); !end; one.wake.acquire()) woken.release();
    });
  const auto began = std::chrono::steady_clock::now();
  std::size_t next = 0;
  for (std::size_t left = count; left > 0;) {
    const std::size_t batch = std::min({left, kBatch, sleepers});
    for (std::size_t i = 0; i < batch; ++i) all[next++ % sleepers].wake.release();
    for (std::size_t i = 0; i < batch; ++i) woken.acquire();
    left -= batch;
  }
  const Seconds time = std::chrono::steady_clock::now() - began;
  end = true;
  for (Sleeper& one : all) one.wake.release();
  for (Sleeper& one : all) one.thread.join();
  return time;
}

}  // namespace ringfence::bench

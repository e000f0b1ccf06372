#include "tests/bench/crew.h"

#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <latch>
#include <mutex>
#include <random>
#include <thread>

namespace ringfence::bench {
namespace {

/// each runs `part(Work)` in `members` threads at once; `begin` is called when all stand ready.
template <typename Part, typename Begin>
void each(std::size_t members, const MakeWork& make, const Begin& begin, const Part& part) {
  std::latch ready(static_cast<std::ptrdiff_t>(members));
  std::latch go(1);
  std::mutex mutex;
  std::exception_ptr failure;
  const auto member = [&] {
    Work work;
    bool stands_ready = false;
    try {
      work = make();
      stands_ready = true;
      ready.count_down();
      go.wait();
      part(work);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
    if (!stands_ready) ready.count_down();
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < members; ++i) threads.emplace_back(member);
    ready.wait();
    begin();
    go.count_down();
  }
  if (failure) std::rethrow_exception(failure);
}

std::vector<Seconds> schedule(std::size_t count, double per_second, Arrivals arrivals) {
  std::mt19937 random(20'26);
  std::exponential_distribution<double> gap(per_second);
  std::vector<Seconds> moments(count);
  Seconds at(0);
  for (Seconds& moment : moments) {
    at += Seconds(arrivals == Arrivals::even ? 1 / per_second : gap(random));
    moment = at;
  }
  return moments;
}

}  // namespace

Seconds share(std::size_t count, std::size_t members, const MakeWork& make) {
  std::atomic<std::size_t> taken = 0;
  Clock::time_point began;
  const auto begin = [&] { began = Clock::now(); };
  const auto part = [&](const Work& work) {
    while (taken.fetch_add(1, std::memory_order_relaxed) < count) work();
  };
  each(members, make, begin, part);
  return Clock::now() - began;
}

std::vector<Seconds> pace(std::size_t count, double per_second, Arrivals arrivals,
                          std::size_t members, const MakeWork& make) {
  const std::vector<Seconds> moments = schedule(count, per_second, arrivals);
  std::vector<Seconds> latencies(count);
  std::atomic<std::size_t> taken = 0;
  Clock::time_point began;
  const auto begin = [&] { began = Clock::now(); };
  const auto part = [&](const Work& work) {
    ::prctl(PR_SET_TIMERSLACK, 1UL);  // wake at the moment, not up to 50 us later
    for (std::size_t i = taken++; i < count; i = taken++) {
      const auto moment = began + std::chrono::duration_cast<Clock::duration>(moments[i]);
      std::this_thread::sleep_until(moment);
      work();
      latencies[i] = Clock::now() - moment;
    }
  };
  each(members, make, begin, part);
  std::sort(latencies.begin(), latencies.end());
  return latencies;
}

}  // namespace ringfence::bench

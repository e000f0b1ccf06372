#include "hsm/signer/metrics.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace ringfence::hsm {
namespace {

using namespace std::chrono_literals;

constexpr auto kWindow = 10s;

}  // namespace

std::size_t Latencies::bucket_of(Clock::duration latency) noexcept {
  const auto counted = std::chrono::duration_cast<std::chrono::microseconds>(latency).count();
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(counted, 1));
  const auto octave = static_cast<std::size_t>(std::bit_width(us)) - 1;
  const std::size_t step = octave >= 3 ? (us >> (octave - 3)) & 7U : (us << (3 - octave)) & 7U;
  return std::min(octave * kSteps + step, kOctaves * kSteps - 1);
}

std::chrono::microseconds Latencies::middle_of(std::size_t bucket) noexcept {
  const double octave = static_cast<double>(1ULL << (bucket / kSteps));
  const double step = static_cast<double>(bucket % kSteps);
  return std::chrono::microseconds(static_cast<std::int64_t>(octave * (1 + (step + 0.5) / kSteps)));
}

void Latencies::turn(Clock::time_point now) {
  if (now - began_ < kWindow) return;
  const bool long_ago = now - began_ >= 2 * kWindow;
  last_ = long_ago ? Counts{} : present_;
  looked_back_ = kWindow;
  present_ = {};
  began_ = long_ago ? now : began_ + kWindow;
}

void Latencies::record(Clock::time_point now, Clock::duration latency) {
  turn(now);
  ++present_[bucket_of(latency)];
}

Latencies::Figures Latencies::figures(Clock::time_point now) {
  turn(now);
  Counts both = last_;
  for (std::size_t i = 0; i < both.size(); ++i) both[i] += present_[i];
  const auto total = std::accumulate(both.begin(), both.end(), std::uint64_t{0});
  if (total == 0) return {};
  const auto at = [&](double share) {
    const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(total - 1));
    std::uint64_t seen = 0;
    std::size_t bucket = 0;
    while (bucket < both.size() - 1 && (seen += both[bucket]) <= rank) ++bucket;
    return middle_of(bucket);
  };
  const std::chrono::duration<double> span = now - began_ + looked_back_;
  return {static_cast<double>(total) / std::max(span.count(), 0.001), at(0.50), at(0.99)};
}

}  // namespace ringfence::hsm

#include "services/capf/latency.h"

#include <algorithm>
#include <bit>

namespace ringfence::services::capf {

void Latency::add(Clock::duration duration) noexcept {
  const auto counted = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  const auto micros = static_cast<std::uint64_t>(std::max<std::int64_t>(counted, 1));
  // The doubling by the highest bit, the place in it by the three bits below.
  const auto doubling = static_cast<std::size_t>(std::bit_width(micros)) - 1;
  const std::uint64_t scaled = doubling >= 3 ? micros >> (doubling - 3) : micros << (3 - doubling);
  const std::size_t bucket = doubling * kPerDoubling + (scaled & (kPerDoubling - 1));
  buckets_[std::min(bucket, kBuckets - 1)].fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t Latency::count() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& bucket : buckets_) sum += bucket.load(std::memory_order_relaxed);
  return sum;
}

std::chrono::microseconds Latency::quantile(double part) const noexcept {
  const auto wanted = static_cast<double>(count()) * part;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    sum += buckets_[i].load(std::memory_order_relaxed);
    if (sum > 0 && static_cast<double>(sum) >= wanted)
      return std::chrono::microseconds(upper_edge(i));
  }
  return std::chrono::microseconds(0);
}

std::uint64_t Latency::upper_edge(std::size_t bucket) noexcept {
  const std::size_t doubling = bucket / kPerDoubling;
  const std::uint64_t next = kPerDoubling + bucket % kPerDoubling + 1;
  return ((next << doubling) + kPerDoubling - 1) / kPerDoubling;
}

}  // namespace ringfence::services::capf

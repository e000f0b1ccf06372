// How long the server makes phones wait: a histogram that many threads fill.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace ringfence::services::capf {

/// Latency counts durations in buckets that grow by an eighth, from one microsecond to over an
/// hour. Safe from several threads, without locks.
class Latency {
 public:
  using Clock = std::chrono::steady_clock;

  void add(Clock::duration duration) noexcept;

  void add_since(Clock::time_point began) noexcept { add(Clock::now() - began); }

  std::uint64_t count() const noexcept;

  /// quantile returns the upper edge of the bucket that `part` (0 to 1) of all lies in or below;
  /// zero when there is none.
  std::chrono::microseconds quantile(double part) const noexcept;

 private:
  static constexpr std::size_t kPerDoubling = 8;
  static constexpr std::size_t kBuckets = 32 * kPerDoubling;

  static std::uint64_t upper_edge(std::size_t bucket) noexcept;

  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
};

}  // namespace ringfence::services::capf

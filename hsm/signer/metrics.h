// How fast the signer is: signatures a second and their latencies, over the last moments.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace ringfence::hsm {

/// Latencies counts signatures in windows of 10 s and looks back over the last full one and the
/// present one. A latency is known to within 7 %: eight buckets an octave, 1 us to 67 s. Pure.
class Latencies {
 public:
  using Clock = std::chrono::steady_clock;

  struct Figures {
    double per_second = 0;
    std::chrono::microseconds p50{0};
    std::chrono::microseconds p99{0};
  };

  explicit Latencies(Clock::time_point now) : began_(now) {}

  void record(Clock::time_point now, Clock::duration latency);
  Figures figures(Clock::time_point now);

 private:
  static constexpr std::size_t kOctaves = 26;
  static constexpr std::size_t kSteps = 8;
  using Counts = std::array<std::uint32_t, kOctaves * kSteps>;

  static std::size_t bucket_of(Clock::duration latency) noexcept;
  static std::chrono::microseconds middle_of(std::size_t bucket) noexcept;
  void turn(Clock::time_point now);

  Clock::time_point began_;        ///< of the present window
  Clock::duration looked_back_{};  ///< length of the last one, zero at first
  Counts last_{};
  Counts present_{};
};

}  // namespace ringfence::hsm

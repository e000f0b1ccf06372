// Rates and latencies over the last moments, against a sorted list.
#include "hsm/signer/metrics.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace ringfence::hsm {
namespace {

using namespace std::chrono_literals;
using Time = Latencies::Clock::time_point;

const Time kNoon = Time() + 12h;

TEST(LatenciesTest, SaysNothingWhenNothingWasSigned) {
  Latencies latencies(kNoon);
  const Latencies::Figures figures = latencies.figures(kNoon + 1s);
  EXPECT_EQ(figures.per_second, 0);
  EXPECT_EQ(figures.p99, 0us);
}

TEST(LatenciesTest, FindsTheQuantilesWithinSevenPercent) {
  std::mt19937 random(4711);
  std::lognormal_distribution<double> spread(6.0, 1.5);
  Latencies latencies(kNoon);
  std::vector<double> all;
  for (int i = 0; i < 20'000; ++i) {
    const double us = std::max(10.0, spread(random));
    all.push_back(us);
    latencies.record(kNoon + 1s, std::chrono::nanoseconds(static_cast<std::int64_t>(us * 1000)));
  }
  std::ranges::sort(all);
  const Latencies::Figures figures = latencies.figures(kNoon + 2s);
  EXPECT_NEAR(static_cast<double>(figures.p50.count()) / all[10'000], 1, 0.07);
  EXPECT_NEAR(static_cast<double>(figures.p99.count()) / all[19'800], 1, 0.07);
  EXPECT_DOUBLE_EQ(figures.per_second, 10'000);
}

TEST(LatenciesTest, LooksBackTenToTwentySeconds) {
  Latencies latencies(kNoon);
  for (int i = 0; i < 100; ++i) latencies.record(kNoon + 9s, 1ms);
  EXPECT_DOUBLE_EQ(latencies.figures(kNoon + 15s).per_second, 100 / 15.0);
  EXPECT_EQ(latencies.figures(kNoon + 20s).per_second, 0) << "two windows ago";
  latencies.record(kNoon + 3600s, 1ms);
  EXPECT_GT(latencies.figures(kNoon + 3601s).per_second, 0);
}

TEST(LatenciesTest, TakesTheImpossibleWithoutHarm) {
  Latencies latencies(kNoon);
  latencies.record(kNoon, -5s);
  latencies.record(kNoon, 0s);
  latencies.record(kNoon, 48h);
  EXPECT_GT(latencies.figures(kNoon + 1s).p99, 0us);
}

}  // namespace
}  // namespace ringfence::hsm

#include "services/capf/latency.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace ringfence::services::capf {
namespace {

using namespace std::chrono_literals;

TEST(Latency, KnowsNothingBeforeTheFirst) {
  const Latency latency;
  EXPECT_EQ(latency.count(), 0U);
  EXPECT_EQ(latency.quantile(0.5), 0us);
  EXPECT_EQ(latency.quantile(1), 0us);
}

TEST(Latency, TellsQuantilesWithinAnEighth) {
  Latency latency;
  for (int i = 1; i <= 1000; ++i) latency.add(std::chrono::milliseconds(i));
  EXPECT_EQ(latency.count(), 1000U);
  for (const double part : {0.01, 0.5, 0.9, 0.99, 1.0}) {
    const auto exact = std::chrono::duration<double, std::milli>(1000 * part);
    EXPECT_GE(latency.quantile(part), exact) << part;
    EXPECT_LE(latency.quantile(part), exact * 1.13) << part;
  }
}

TEST(Latency, TakesWhatIsTinyNegativeOrHuge) {
  Latency latency;
  latency.add(-5s);
  latency.add(0ns);
  latency.add(3us);
  latency.add(std::chrono::hours(10'000));
  EXPECT_EQ(latency.count(), 4U);
  EXPECT_LE(latency.quantile(0.5), 2us);
  EXPECT_GE(latency.quantile(1), 1h);
}

TEST(Latency, LosesNoneOfSeveralThreads) {
  Latency latency;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&latency] {
        for (int each = 0; each < 10'000; ++each) latency.add(std::chrono::microseconds(each));
      });
    }
  }
  EXPECT_EQ(latency.count(), 40'000U);
}

}  // namespace
}  // namespace ringfence::services::capf

// Three tries a device, then a pause.
#include "services/capf/throttle.h"

#include <gtest/gtest.h>

namespace ringfence::services::capf {
namespace {

constexpr core::Time kNow{std::chrono::seconds(1'700'000'000)};

TEST(Throttle, AllowsThreeTriesADeviceInFiveMinutes) {
  Throttle throttle;
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(throttle.attempt("SEP1", kNow + std::chrono::seconds(i)));
  EXPECT_EQ(throttle.attempt("SEP1", kNow + std::chrono::seconds(3)),
            kNow + std::chrono::minutes(5));
  EXPECT_FALSE(throttle.attempt("SEP2", kNow + std::chrono::seconds(3)));
  EXPECT_TRUE(throttle.attempt("SEP1", kNow + std::chrono::seconds(299)));
  EXPECT_FALSE(throttle.attempt("SEP1", kNow + std::chrono::minutes(5)));
}

TEST(Throttle, ForgetsADeviceThatSucceeded) {
  Throttle throttle;
  EXPECT_FALSE(throttle.attempt("SEP1", kNow));
  EXPECT_FALSE(throttle.attempt("SEP1", kNow));
  throttle.succeeded("SEP1");
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(throttle.attempt("SEP1", kNow));
  EXPECT_TRUE(throttle.attempt("SEP1", kNow));
}

}  // namespace
}  // namespace ringfence::services::capf

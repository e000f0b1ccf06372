// Three tries a device and address, then a pause.
#include "services/capf/throttle.h"

#include <gtest/gtest.h>

namespace ringfence::services::capf {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr core::Time kNow{seconds(1'700'000'000)};

TEST(Throttle, AllowsThreeTriesADeviceInFiveMinutes) {
  Throttle throttle;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(throttle.attempt("SEP1", "10.0.0.1", kNow + seconds(i)));
  EXPECT_EQ(throttle.attempt("SEP1", "10.0.0.1", kNow + seconds(3))->until, kNow + minutes(5));
  EXPECT_FALSE(throttle.attempt("SEP2", "10.0.0.1", kNow + seconds(3)));
  EXPECT_TRUE(throttle.attempt("SEP1", "10.0.0.1", kNow + seconds(299)));
  EXPECT_FALSE(throttle.attempt("SEP1", "10.0.0.1", kNow + minutes(5)));
}

TEST(Throttle, LeavesThePhoneItsTriesWhenAStrangerElsewhereUsedUpHis) {
  Throttle throttle;
  for (int i = 0; i < 20; ++i) throttle.attempt("SEP1", "10.6.6.6", kNow);
  EXPECT_TRUE(throttle.attempt("SEP1", "10.6.6.6", kNow));
  EXPECT_FALSE(throttle.attempt("SEP1", "10.0.0.1", kNow));
}

TEST(Throttle, BoundsWhatManyAddressesMayTryOfOneDevice) {
  Throttle throttle;
  int tried = 0;
  for (int peer = 0; peer < 100; ++peer)
    if (!throttle.attempt("SEP1", "10.6.6." + std::to_string(peer), kNow)) ++tried;
  EXPECT_EQ(tried, Throttle::kAttemptsInAll);
  EXPECT_EQ(throttle.attempt("SEP1", "10.0.0.1", kNow + seconds(9))->until, kNow + minutes(5));
  EXPECT_FALSE(throttle.attempt("SEP2", "10.6.6.1", kNow));
  EXPECT_FALSE(throttle.attempt("SEP1", "10.0.0.1", kNow + minutes(5)));
}

TEST(Throttle, ForgetsADeviceThatSucceededAndNotWhatOthersTried) {
  Throttle throttle;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(throttle.attempt("SEP1", "10.6.6.6", kNow));
  EXPECT_FALSE(throttle.attempt("SEP1", "10.0.0.1", kNow));
  EXPECT_FALSE(throttle.attempt("SEP1", "10.0.0.1", kNow));
  throttle.succeeded("SEP1", "10.0.0.1");
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(throttle.attempt("SEP1", "10.0.0.1", kNow));
  EXPECT_TRUE(throttle.attempt("SEP1", "10.0.0.1", kNow));
  EXPECT_TRUE(throttle.attempt("SEP1", "10.6.6.6", kNow));
}

}  // namespace
}  // namespace ringfence::services::capf

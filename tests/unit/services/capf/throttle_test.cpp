// Tries of authentication strings: a share for each known address, one for all strangers.
#include "services/capf/throttle.h"

#include "tests/unit/services/capf/scripted.h"

namespace ringfence::services::capf {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test_script::kNow;
using Who = Throttle::Who;

class ThrottleTest : public testing::Test {
 protected:
  std::optional<Throttle::Block> attempt(const std::string& peer, Who who, core::Time now = kNow,
                                         const std::string& device = "SEP1") {
    return throttle.attempt(records, device, peer, who, now);
  }

  /// tried counts how many of `count` tries at once may be made.
  int tried(int count, const std::string& peer, Who who, core::Time now) {
    int made = 0;
    for (int i = 0; i < count; ++i)
      if (!attempt(peer, who, now)) ++made;
    return made;
  }

  test_script::Script records;
  Throttle throttle;
};

TEST_F(ThrottleTest, AllowsThreeTriesThenPausesTwiceAsLongEachTime) {
  core::Time now = kNow;
  for (const minutes pause :
       {minutes(5), minutes(10), minutes(20), minutes(40), minutes(60), minutes(60)}) {
    EXPECT_EQ(tried(9, "10.0.0.1", Who::proven, now), 3);
    EXPECT_EQ(attempt("10.0.0.1", Who::proven, now)->until, now + pause);
    EXPECT_TRUE(attempt("10.0.0.1", Who::proven, now + pause - seconds(1)));
    now += pause;
  }
  EXPECT_FALSE(attempt("10.0.0.1", Who::proven, now, "SEP2"));
  EXPECT_EQ(tried(9, "10.0.0.1", Who::proven, now + hours(193)), 3) << "eight quiet days";
  EXPECT_EQ(attempt("10.0.0.1", Who::proven, now + hours(193))->until,
            now + hours(193) + minutes(5));
}

TEST_F(ThrottleTest, KeepsTheTriesOfKnownAddressesFromStrangers) {
  int made = 0;
  for (int peer = 0; peer < 200; ++peer)
    made += tried(5, fmt::format("10.6.6.{}", peer), Who::stranger, kNow);
  EXPECT_EQ(made, Throttle::kAttemptsOfStrangers);
  EXPECT_TRUE(attempt("10.7.7.7", Who::stranger, kNow + minutes(4)));
  EXPECT_EQ(tried(9, "10.0.0.1", Who::proven, kNow), 3);
  EXPECT_EQ(tried(9, "10.0.0.2", Who::proven, kNow), 3) << "another address of the phone";
  EXPECT_LE(records.tries.size(), 12U) << "who was turned away leaves no row";
}

TEST_F(ThrottleTest, GivesTheFirstAddressesAPhoneWasSeenAtTheirOwn) {
  EXPECT_EQ(tried(9, "10.0.0.1", Who::seen, kNow), 3) << "the phone";
  int made = 0;
  for (int peer = 0; peer < 200; ++peer)  // anybody can be seen to fetch in its name
    made += tried(5, fmt::format("10.6.6.{}", peer), Who::seen, kNow);
  EXPECT_EQ(made, 3 * 3 + Throttle::kAttemptsOfStrangers);
  EXPECT_EQ(tried(9, "10.0.0.1", Who::seen, kNow + minutes(5)), 3) << "nobody took its share";
  EXPECT_EQ(tried(9, "10.0.0.2", Who::proven, kNow), 3);
}

TEST_F(ThrottleTest, BoundsWhatSeenAddressesMayTryInAWeek) {
  int made = 0;
  for (minutes passed{0}; passed < hours(24 * 7); passed += minutes(5))
    for (int peer = 0; peer < 20; ++peer)
      made +=
          attempt(fmt::format("10.{}.6.{}", passed.count() % 250, peer), Who::seen, kNow + passed)
              ? 0
              : 1;
  EXPECT_LE(made, 400) << "of a million strings of six digits";
}

TEST_F(ThrottleTest, BoundsWhatStrangersMayTryInAWeek) {
  int made = 0;
  for (minutes passed{0}; passed < hours(24 * 7); passed += minutes(5))
    for (int peer = 0; peer < 20; ++peer)
      made += attempt(fmt::format("10.{}.6.{}", passed.count() % 250, peer), Who::stranger,
                      kNow + passed)
                  ? 0
                  : 1;
  EXPECT_LE(made, 200) << "of a million strings of six digits";
}

TEST_F(ThrottleTest, EndsAReservedShareWithItsRowAndNotWhenTheAddressIsNoLongerSeen) {
  int made = 0;
  for (int peer = 0; peer < 50; ++peer) {
    const std::string address = fmt::format("10.6.6.{}", peer);
    made += tried(3, address, Who::seen, kNow);
    made += tried(1, address, Who::stranger, kNow);  // pushed out of the newest fetchers
  }
  EXPECT_EQ(made, 4 * 3 + Throttle::kAttemptsOfStrangers);
}

TEST_F(ThrottleTest, KeepsAShareForWhoRegistersFromThoseWhoOnlyFetch) {
  for (int peer = 0; peer < 50; ++peer) {
    tried(3, fmt::format("10.6.6.{}", peer), Who::seen, kNow);
    tried(3, fmt::format("10.7.7.{}", peer), Who::stranger, kNow);
  }
  EXPECT_EQ(tried(9, "10.0.0.1", Who::likely, kNow), 3) << "the phone's first try";
  EXPECT_EQ(attempt("10.0.0.1", Who::likely)->until, kNow + minutes(5));
}

TEST_F(ThrottleTest, MovesAnAddressThatRegistersToAShareOfThoseAndNoFurther) {
  EXPECT_EQ(tried(9, "10.0.0.1", Who::seen, kNow), 3);
  EXPECT_EQ(tried(9, "10.0.0.1", Who::likely, kNow), 0) << "no fresh tries by it";
  int made = 0;
  for (int peer = 0; peer < 50; ++peer) {
    made += tried(9, fmt::format("10.6.6.{}", peer), Who::likely, kNow);
    made += tried(9, fmt::format("10.7.7.{}", peer), Who::seen, kNow);
  }
  EXPECT_LE(made, 8 * 3 + Throttle::kAttemptsOfStrangers) << "four of each kind, and strangers";
}

TEST_F(ThrottleTest, BoundsWhatAllMayTryInAWeekAlsoWithQuietDays) {
  for (const hours active : {hours(24 * 7), hours(21)}) {
    records.tries.clear();
    int made = 0;
    for (minutes passed{0}; passed < hours(24 * 7); passed += minutes(15)) {
      if (passed % (active + hours(49)) >= active) continue;
      for (int peer = 0; peer < 4; ++peer) {
        made += tried(3, fmt::format("10.0.1.{}", peer), Who::likely, kNow + passed);
        made += tried(3, fmt::format("10.0.2.{}", peer), Who::seen, kNow + passed);
        made += tried(3, fmt::format("10.6.{}.{}", passed.count() % 250, peer), Who::stranger,
                      kNow + passed);
      }
    }
    EXPECT_LE(made, 600) << "of a million strings of six digits; hours active: " << active.count();
    EXPECT_GT(made, 300) << "or this test tries too little";
  }
}

TEST_F(ThrottleTest, RemembersOverRestarts) {
  EXPECT_EQ(tried(3, "10.0.0.1", Who::proven, kNow), 3);
  Throttle restarted;
  EXPECT_TRUE(restarted.attempt(records, "SEP1", "10.0.0.1", Who::proven, kNow + minutes(4)));
}

TEST_F(ThrottleTest, TellsOnceThatAShareIsUsedUp) {
  tried(3, "10.0.0.1", Who::proven, kNow);
  EXPECT_TRUE(attempt("10.0.0.1", Who::proven)->first);
  EXPECT_FALSE(attempt("10.0.0.1", Who::proven)->first);
  EXPECT_FALSE(attempt("10.0.0.1", Who::proven, kNow + minutes(5)));
}

TEST_F(ThrottleTest, MakesNobodyWaitLongerWhenTheClockIsSetBack) {
  tried(3, "10.0.0.1", Who::proven, kNow);
  const core::Time back = kNow - hours(9);
  EXPECT_EQ(attempt("10.0.0.1", Who::proven, back)->until, back + minutes(5));
  EXPECT_FALSE(attempt("10.0.0.1", Who::proven, back + minutes(5)));
}

TEST_F(ThrottleTest, ForgetsWhoSucceededAndNotWhatOthersTried) {
  tried(3, "10.6.6.6", Who::stranger, kNow);
  tried(2, "10.0.0.1", Who::proven, kNow);
  throttle.succeeded(records, "SEP1", "10.0.0.1", Who::proven, kNow);
  EXPECT_EQ(tried(9, "10.0.0.1", Who::proven, kNow), 3);
  EXPECT_TRUE(attempt("10.6.6.6", Who::stranger));
}

}  // namespace
}  // namespace ringfence::services::capf

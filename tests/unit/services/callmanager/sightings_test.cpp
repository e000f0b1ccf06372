#include "services/callmanager/sightings.h"

#include <gtest/gtest.h>

#include "services/callmanager/quiet.h"

namespace ringfence::services::callmanager {
namespace {

using std::chrono::seconds;

constexpr core::Time kNow{seconds(1'700'000'000)};

TEST(Sightings, TellWhenADeviceComesFromAnotherAddress) {
  Sightings sightings({});
  EXPECT_EQ(sightings.registered("SEP1", "10.0.0.7", kNow).value().previous_address, "");
  EXPECT_FALSE(sightings.registered("SEP1", "10.0.0.7", kNow));
  const auto moved = sightings.registered("SEP1", "10.0.0.8", kNow + seconds(5));
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->previous_address, "10.0.0.7");
  EXPECT_EQ(moved->address, "10.0.0.8");
  EXPECT_EQ(moved->moved_at, kNow + seconds(5));
  Sightings after_a_restart({*moved});
  EXPECT_FALSE(after_a_restart.registered("SEP1", "10.0.0.8", kNow));
}

TEST(Sightings, KeepWhatAnAlarmLeftOut) {
  Sightings sightings({});
  PhoneAlarm first;
  first.cause = 22;
  first.last_reason = "Reset-Reset";
  first.active_load = "sip.1";
  EXPECT_TRUE(sightings.alarmed("SEP1", first, kNow));
  EXPECT_FALSE(sightings.alarmed("SEP1", first, kNow));
  PhoneAlarm second;
  second.name = "LastOutOfServiceInformation";
  second.cause = 22;
  const auto both = sightings.alarmed("SEP1", second, kNow + seconds(1));
  ASSERT_TRUE(both);
  EXPECT_EQ(both->last_reason, "Reset-Reset");
  EXPECT_EQ(both->active_load, "sip.1");
  PhoneAlarm third;
  third.cause = 14;
  EXPECT_EQ(sightings.alarmed("SEP1", third, kNow + seconds(2)).value().last_reason, "");
}

TEST(Sightings, KeepWhatAnotherAddressSaysApartUntilTheDeviceRegistersFromThere) {
  PhoneAlarm own;
  own.cause = 22;
  own.last_reason = "Reset-Reset";
  PhoneAlarm other;
  other.cause = 14;
  other.last_reason = "made up";
  Sightings sightings({});
  sightings.registered("SEP1", "10.0.0.7", kNow);
  EXPECT_TRUE(sightings.knows("SEP1", "10.0.0.7"));
  EXPECT_FALSE(sightings.knows("SEP1", "10.0.0.9"));
  sightings.alarmed("SEP1", own, kNow);
  const auto report =
      sightings.alarmed_from("10.0.0.9", "SEP1", other, Heard::over_connection, kNow);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->cause, 22);
  EXPECT_EQ(report->last_reason, "Reset-Reset");
  EXPECT_EQ(report->other, (core::UnprovenAlarm{"10.0.0.9", 14, "made up", kNow}));
  EXPECT_FALSE(sightings.claimed("SEP1", "10.0.0.7", Heard::over_connection, kNow));
  EXPECT_EQ(sightings.claimed("SEP1", "10.0.0.9", Heard::over_connection, kNow + seconds(5))
                .value()
                .cause,
            14);
  EXPECT_FALSE(sightings.claimed("SEP1", "10.0.0.9", Heard::over_connection, kNow + seconds(5)))
      << "once";
  sightings.alarmed_from("10.0.0.9", "SEP1", other, Heard::over_connection, kNow);
  EXPECT_FALSE(sightings.claimed("SEP1", "10.0.0.9", Heard::over_connection, kNow + seconds(500)))
      << "long ago";
}

TEST(Sightings, KeepWhatEachAddressSaysApartFromTheOthers) {
  PhoneAlarm own;
  own.cause = 22;
  PhoneAlarm forged;
  forged.cause = 14;
  Sightings sightings({});
  sightings.alarmed_from("10.0.0.7", "SEP1", own, Heard::over_connection, kNow);
  const auto report =
      sightings.alarmed_from("10.0.0.9", "SEP1", forged, Heard::over_connection, kNow);
  EXPECT_EQ(report.value().other.address, "10.0.0.9");
  const auto claimed =
      sightings.claimed("SEP1", "10.0.0.7", Heard::over_connection, kNow + seconds(1));
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->cause, 22);
  EXPECT_EQ(sightings.claimed("SEP1", "10.0.0.9", Heard::over_connection, kNow + seconds(1))
                .value()
                .cause,
            14);
}

TEST(Sightings, WhoSpeaksForManyPhonesForgetsHisOwn) {
  PhoneAlarm alarm;
  alarm.cause = 22;
  Sightings sightings({});
  for (int i = 0; i < 2000; ++i)
    sightings.alarmed_from("10.0.0.9", "SEP" + std::to_string(i), alarm, Heard::over_connection,
                           kNow);
  sightings.alarmed_from("10.0.0.7", "SEP9999", alarm, Heard::over_connection, kNow);
  for (int i = 2000; i < 4000; ++i)
    sightings.alarmed_from("10.0.0.9", "SEP" + std::to_string(i), alarm, Heard::over_connection,
                           kNow);
  EXPECT_TRUE(sightings.claimed("SEP9999", "10.0.0.7", Heard::over_connection, kNow));
  int kept = 0;
  for (int i = 0; i < 4000; ++i)
    kept += sightings.claimed("SEP" + std::to_string(i), "10.0.0.9", Heard::over_connection, kNow)
                ? 1
                : 0;
  EXPECT_LE(kept, 1000);
}

TEST(Sightings, WhoRegistersFirstIsTheDevicesUntilItIsSilentForLong) {
  Sightings sightings({});
  sightings.registered("SEP1", "10.0.0.7", kNow);
  sightings.registered("SEP1", "10.0.0.9", kNow + seconds(60));
  EXPECT_TRUE(sightings.knows("SEP1", "10.0.0.7"));
  EXPECT_FALSE(sightings.knows("SEP1", "10.0.0.9")) << "who comes second";
  sightings.registered("SEP1", "10.0.0.7", kNow + seconds(600));
  sightings.registered("SEP1", "10.0.0.9", kNow + seconds(4000));
  EXPECT_TRUE(sightings.knows("SEP1", "10.0.0.7"));
  sightings.registered("SEP1", "10.0.0.9", kNow + seconds(600 + 2 * 3600));
  EXPECT_TRUE(sightings.knows("SEP1", "10.0.0.9")) << "phones move";
}

TEST(Quiet, LetsSoManyLinesOfAPeerThroughAndCountsTheRest) {
  Quiet quiet(2);
  const Quiet::Time start{};
  EXPECT_EQ(quiet.pass("a", start), 0U);
  EXPECT_EQ(quiet.pass("a", start), 0U);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(quiet.pass("a", start));
  EXPECT_EQ(quiet.pass("b", start), 0U) << "another peer is heard";
  EXPECT_EQ(quiet.pass("a", start + Quiet::kPeriod), 1000U);
  for (int i = 0; i < 5000; ++i) quiet.pass(std::to_string(i), start + Quiet::kPeriod);
  int heard = 0;
  for (int i = 0; i < 5000; ++i)
    if (quiet.pass("x" + std::to_string(i), start + Quiet::kPeriod)) ++heard;
  EXPECT_LE(heard, 2) << "those that are not remembered share one account";
}

TEST(StillThere, IsSaidOnceInFiveMinutesOfAPhoneAndAddress) {
  using std::chrono::seconds;
  Sightings sightings({});
  const core::Time start{seconds(1'700'000'000)};
  EXPECT_TRUE(sightings.still_there("SEP001122334455", "10.0.0.7", start));
  EXPECT_FALSE(sightings.still_there("SEP001122334455", "10.0.0.7", start + seconds(299)));
  EXPECT_TRUE(sightings.still_there("SEP001122334455", "10.0.0.8", start + seconds(299)));
  EXPECT_TRUE(sightings.still_there("SEP001122334455", "10.0.0.7", start + seconds(300)));
  EXPECT_FALSE(sightings.still_there("SEP001122334455", "10.0.0.7", start + seconds(301)));
  EXPECT_TRUE(sightings.still_there("SEP001122334455", "10.0.0.7", start)) << "the clock was set";
}

TEST(Sightings, GiveADatagramsAlarmToNoConnection) {
  Sightings sightings({});
  PhoneAlarm forged;
  forged.cause = 14;
  for (const Heard claims : {Heard::over_connection, Heard::by_datagram}) {
    sightings.alarmed_from("10.0.0.9", "SEP1", forged, Heard::by_datagram, kNow);
    EXPECT_EQ(sightings.claimed("SEP1", "10.0.0.9", claims, kNow).has_value(),
              claims == Heard::by_datagram);
  }
}

}  // namespace
}  // namespace ringfence::services::callmanager

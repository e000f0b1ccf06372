// One session a device.
#include "services/capf/roster.h"

#include <vector>

#include <gtest/gtest.h>

namespace ringfence::services::capf {
namespace {

TEST(Roster, LetsALaterSessionTakeTheSeatOver) {
  std::vector<std::uint32_t> dismissed;
  Roster roster([&](std::uint32_t session) { dismissed.push_back(session); });
  EXPECT_TRUE(roster.enter("SEP1", "10.0.0.1", 1));
  EXPECT_TRUE(roster.enter("SEP2", "10.0.0.1", 2));
  EXPECT_TRUE(roster.enter("SEP1", "10.0.0.1", 3));
  EXPECT_EQ(dismissed, std::vector<std::uint32_t>{1});
  EXPECT_FALSE(roster.has("SEP1", 1));
  EXPECT_TRUE(roster.has("SEP1", 3));
  EXPECT_FALSE(roster.busy("SEP1", 1));
  roster.leave("SEP1", 1);
  EXPECT_TRUE(roster.has("SEP1", 3));
}

TEST(Roster, KeepsTheSeatWhileACertificateIsUnderWay) {
  Roster roster;
  EXPECT_TRUE(roster.enter("SEP1", "10.0.0.1", 1));
  EXPECT_TRUE(roster.busy("SEP1", 1));
  EXPECT_FALSE(roster.enter("SEP1", "10.0.0.1", 2));
  EXPECT_EQ(roster.others_at("SEP1", "10.0.0.1", 2), 1U);
  roster.leave("SEP1", 1);
  EXPECT_TRUE(roster.enter("SEP1", "10.0.0.1", 2));
}

TEST(Roster, SeatsOtherAddressesBeside) {
  std::vector<std::uint32_t> dismissed;
  Roster roster([&](std::uint32_t session) { dismissed.push_back(session); });
  EXPECT_TRUE(roster.enter("SEP1", "10.0.0.1", 1));
  EXPECT_TRUE(roster.busy("SEP1", 1));
  EXPECT_TRUE(roster.enter("SEP1", "10.6.6.6", 2));
  EXPECT_TRUE(roster.has("SEP1", 1));
  EXPECT_EQ(roster.others("SEP1", 1), 1U);
  EXPECT_EQ(roster.others_at("SEP1", "10.0.0.1", 1), 0U);
  EXPECT_TRUE(dismissed.empty());
  roster.leave("SEP1", 2);
  EXPECT_EQ(roster.others("SEP1", 1), 0U);
}

TEST(Roster, BoundsTheSeatsOfADeviceAndKeepsTheProvenOne) {
  std::vector<std::uint32_t> dismissed;
  Roster roster([&](std::uint32_t session) { dismissed.push_back(session); });
  EXPECT_TRUE(roster.enter("SEP1", "10.0.0.1", 100, Roster::Claim::proven));
  for (std::uint32_t session = 0; session < 20; ++session)
    EXPECT_TRUE(roster.enter("SEP1", "10.6.6." + std::to_string(session), session));
  EXPECT_TRUE(roster.has("SEP1", 100));
  EXPECT_EQ(roster.others("SEP1", 100), Roster::kSeats - 1);
  ASSERT_EQ(dismissed.size(), 13U);
  EXPECT_EQ(dismissed.front(), 6U) << "the last who came: who was first goes on working";
  EXPECT_TRUE(roster.has("SEP1", 0));
}

TEST(Roster, LetsNoStrangerHangUpWhoRegistersAsTheDevice) {
  std::vector<std::uint32_t> dismissed;
  Roster roster([&](std::uint32_t session) { dismissed.push_back(session); });
  EXPECT_TRUE(roster.enter("SEP1", "10.0.0.1", 100, Roster::Claim::likely));
  for (std::uint32_t session = 0; session < 20; ++session)
    EXPECT_TRUE(roster.enter("SEP1", "10.6.6." + std::to_string(session), session));
  EXPECT_TRUE(roster.has("SEP1", 100));
  // And where strangers sit already, or are storing, one of them leaves for it.
  roster.leave("SEP1", 100);
  EXPECT_TRUE(roster.enter("SEP1", "10.6.6.99", 99));
  EXPECT_TRUE(roster.enter("SEP1", "10.0.0.1", 101, Roster::Claim::likely));
  EXPECT_EQ(dismissed.back(), 99U);
  EXPECT_TRUE(roster.enter("SEP1", "10.6.6.98", 98));
  EXPECT_TRUE(roster.has("SEP1", 101));
}

}  // namespace
}  // namespace ringfence::services::capf

// One session a device.
#include "services/capf/roster.h"

#include <vector>

#include <gtest/gtest.h>

namespace ringfence::services::capf {
namespace {

TEST(Roster, LetsALaterSessionTakeTheSeatOver) {
  std::vector<std::uint32_t> dismissed;
  Roster roster([&](std::uint32_t session) { dismissed.push_back(session); });
  EXPECT_TRUE(roster.enter("SEP1", 1));
  EXPECT_TRUE(roster.enter("SEP2", 2));
  EXPECT_TRUE(roster.enter("SEP1", 3));
  EXPECT_EQ(dismissed, std::vector<std::uint32_t>{1});
  EXPECT_FALSE(roster.has("SEP1", 1));
  EXPECT_TRUE(roster.has("SEP1", 3));
  EXPECT_FALSE(roster.busy("SEP1", 1));
  roster.leave("SEP1", 1);
  EXPECT_TRUE(roster.has("SEP1", 3));
}

TEST(Roster, KeepsTheSeatWhileACertificateIsUnderWay) {
  Roster roster;
  EXPECT_TRUE(roster.enter("SEP1", 1));
  EXPECT_TRUE(roster.busy("SEP1", 1));
  EXPECT_FALSE(roster.enter("SEP1", 2));
  EXPECT_TRUE(roster.taken_by_another("SEP1", 2));
  roster.leave("SEP1", 1);
  EXPECT_TRUE(roster.enter("SEP1", 2));
}

}  // namespace
}  // namespace ringfence::services::capf

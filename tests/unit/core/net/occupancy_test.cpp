// Who gives way to whom.
#include "core/net/occupancy.h"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ringfence::core {
namespace {

using namespace std::chrono_literals;

/// Peers enter and leave one Occupancy by name.
class OccupancyTest : public testing::Test {
 protected:
  explicit OccupancyTest(Limits limits = {.connections = 40, .per_address = 16, .quiet = 0s})
      : occupancy(limits) {}

  /// enters seats one from `address`, in `stage`; the number of its seat, or nothing.
  std::optional<std::size_t> enters(const std::string& address,
                                    Seat::Stage stage = Seat::Stage::fresh) {
    auto seat = occupancy.enter(asio::ip::make_address(address),
                                [this, number = seats.size()] { gone.push_back(number); });
    if (!seat) return std::nullopt;
    if (stage != Seat::Stage::fresh) seat->heard(stage);
    seats.push_back(std::move(seat));
    return seats.size() - 1;
  }

  /// leaves ends those that had to give way.
  void leaves() {
    for (const std::size_t number : gone) seats[number].reset();
    gone.clear();
  }

  Occupancy occupancy;
  std::vector<std::unique_ptr<Seat>> seats;
  std::vector<std::size_t> gone;
};

TEST_F(OccupancyTest, TakesTheIdlestOfTheGreediest) {
  for (int i = 0; i < 14; ++i) enters("10.0.0.1");
  for (int i = 0; i < 16; ++i) enters("10.0.0.2");
  for (int i = 0; i < 10; ++i) enters("10.0.0.3");
  EXPECT_EQ(occupancy.count(), 40U);
  ASSERT_TRUE(enters("10.0.0.4"));
  EXPECT_EQ(gone, std::vector<std::size_t>{14}) << "the first of 10.0.0.2";
  EXPECT_TRUE(seats[14]->displaced());
  EXPECT_EQ(occupancy.count(), 40U);
  EXPECT_EQ(occupancy.displaced(), 1U);
}

TEST_F(OccupancyTest, LetsNobodyHaveItAll) {
  std::size_t seated = 0;
  for (int i = 0; i < 100; ++i) {
    if (enters("10.0.0.1", Seat::Stage::working)) ++seated;
  }
  EXPECT_EQ(seated, 16U);
  EXPECT_TRUE(enters("10.0.0.2"));
}

TEST_F(OccupancyTest, SparesWhoIsWorkingUntilItsPeerHasMoreThanItsPart) {
  for (int i = 0; i < 10; ++i) enters("10.0.0.1", Seat::Stage::working);
  for (int i = 0; i < 10; ++i) enters("10.0.0.2", Seat::Stage::working);
  for (int i = 0; i < 10; ++i) enters("10.0.0.3", Seat::Stage::working);
  for (int i = 0; i < 10; ++i) enters("10.0.0.4", Seat::Stage::working);
  EXPECT_FALSE(enters("10.0.0.5")) << "all work, and have their equal part";
  seats.back().reset();
  ASSERT_TRUE(enters("10.0.0.1", Seat::Stage::working));
  ASSERT_TRUE(enters("10.0.0.5"));
  EXPECT_EQ(gone, std::vector<std::size_t>{0}) << "10.0.0.1 had more than its part";
}

TEST_F(OccupancyTest, TakesFreshOnesFirstAndSettledOnesThen) {
  enters("10.0.0.1", Seat::Stage::settled);
  for (int i = 0; i < 15; ++i) enters("10.0.0.1", Seat::Stage::working);
  const auto fresh = enters("10.0.0.2");
  for (int i = 0; i < 15; ++i) enters("10.0.0.2", Seat::Stage::settled);
  for (int i = 0; i < 8; ++i) enters("10.0.0.3", Seat::Stage::settled);
  ASSERT_TRUE(enters("10.0.0.4", Seat::Stage::settled));
  EXPECT_EQ(gone, std::vector<std::size_t>{*fresh});
}

TEST_F(OccupancyTest, TakesTheOldestFreshOneWhenNobodyIsGreedy) {
  // As when requests come with forged addresses, each another's.
  const auto working = enters("10.9.9.9", Seat::Stage::working);
  for (int i = 0; i < 39; ++i) enters("10.1.0." + std::to_string(i));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(enters("10.2.0." + std::to_string(i)));
    leaves();
  }
  EXPECT_FALSE(seats[*working]->displaced());
}

TEST_F(OccupancyTest, CountsAnIpv6NetworkAsOnePeer) {
  std::size_t seated = 0;
  for (int i = 0; i < 40; ++i) {
    if (enters("2001:db8:0:1::" + std::to_string(i + 1), Seat::Stage::working)) ++seated;
  }
  EXPECT_EQ(seated, 16U);
  EXPECT_TRUE(enters("2001:db8:0:2::1"));
  EXPECT_EQ(peer_key(asio::ip::make_address("::ffff:10.0.0.1")),
            asio::ip::make_address("10.0.0.1"));
}

TEST_F(OccupancyTest, BoundsThoseThatLeaveTooSlowly) {
  for (int i = 0; i < 40; ++i) enters("10.1.0." + std::to_string(i));
  std::size_t seated = 0;
  for (int i = 0; i < 200; ++i) {
    if (enters("10.2.0." + std::to_string(i))) ++seated;
  }
  EXPECT_EQ(seated, 40U) << "as many again hold descriptors until they have ended";
  leaves();
  EXPECT_TRUE(enters("10.3.0.1"));
}

TEST_F(OccupancyTest, MakesRoomAmongThoseWhoWork) {
  for (int i = 0; i < 3; ++i) enters("10.0.0.1", Seat::Stage::working);
  for (int i = 0; i < 4; ++i) enters("10.0.0.2", Seat::Stage::working);
  for (int i = 0; i < 9; ++i) enters("10.0.0.3");
  const auto late = enters("10.0.0.4");
  seats[3]->heard(Seat::Stage::working);
  ASSERT_TRUE(occupancy.make_room(*seats[*late]));
  EXPECT_EQ(gone, std::vector<std::size_t>{4}) << "the idlest of who has most at work";
  seats[*late]->heard(Seat::Stage::working);
  const auto own = enters("10.0.0.2");
  EXPECT_FALSE(occupancy.make_room(*seats[*own])) << "it has as many as any";
  EXPECT_EQ(occupancy.count(Seat::Stage::working), 7U);
  for (int i = 0; i < 2; ++i) {
    const auto more = enters("10.0.0." + std::to_string(5 + i));
    ASSERT_TRUE(occupancy.make_room(*seats[*more]));
    seats[*more]->heard(Seat::Stage::working);
  }
  leaves();
  const auto same = enters("10.0.0.4");
  EXPECT_FALSE(occupancy.make_room(*seats[*same])) << "nobody has two more than it would have";
}

class QuietTest : public OccupancyTest {
 protected:
  QuietTest() : OccupancyTest({.connections = 40, .per_address = 2, .quiet = 1h}) {}
};

TEST_F(QuietTest, PushesNobodyOutWithTheCrowdThatItCameWith) {
  enters("10.0.0.1");
  enters("10.0.0.1");
  EXPECT_FALSE(enters("10.0.0.1"));
  EXPECT_TRUE(gone.empty());
}

TEST_F(OccupancyTest, LetsAPeerReplaceItsOwnQuietOnes) {
  for (int i = 0; i < 16; ++i) enters("10.0.0.1");
  ASSERT_TRUE(enters("10.0.0.1"));
  EXPECT_EQ(gone, std::vector<std::size_t>{0});
}

}  // namespace
}  // namespace ringfence::core

// Who gives way to whom.
#include "core/net/occupancy.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
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

TEST_F(OccupancyTest, SparesWhoIsWorkingWhileAnybodyHasTwoIdleOnes) {
  for (int i = 0; i < 16; ++i) enters("10.0.0.1", Seat::Stage::working);
  for (int i = 0; i < 16; ++i) enters("10.0.0.2", Seat::Stage::working);
  for (int i = 0; i < 6; ++i) enters("10.0.0.3", Seat::Stage::working);
  const auto idle = enters("10.0.0.4", Seat::Stage::settled);
  const auto other = enters("10.0.0.4", Seat::Stage::settled);
  const auto first = enters("10.0.0.5");
  ASSERT_TRUE(first);
  EXPECT_EQ(gone, std::vector<std::size_t>{*idle});
  ASSERT_TRUE(enters("10.0.0.6")) << "while anybody holds two";
  EXPECT_EQ(gone.back(), 16U) << "one of those who hold most, though it works";
  EXPECT_FALSE(seats[*other]->displaced());
  EXPECT_FALSE(seats[*first]->displaced());
  ASSERT_TRUE(enters("10.0.0.5"));
  EXPECT_EQ(gone.back(), *first) << "its own, as nobody has two more idle ones";
}

TEST_F(OccupancyTest, LeavesThoseWhoWorkWhenEveryAddressHasOne) {
  for (int i = 0; i < 40; ++i) enters("10.1.0." + std::to_string(i), Seat::Stage::working);
  EXPECT_FALSE(enters("10.0.0.1"));
  seats[7]->heard(Seat::Stage::settled);
  EXPECT_TRUE(enters("10.0.0.1"));
  EXPECT_EQ(gone, std::vector<std::size_t>{7});
}

/// Many addresses come and go by chance; what holds after each step does not depend on it.
class InvariantTest : public OccupancyTest {
 protected:
  struct Held {
    std::size_t address = 0;
    Seat::Stage stage = Seat::Stage::fresh;
    std::size_t heard = 0;  ///< the step in which it was
  };

  std::size_t any(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(chance);
  }

  struct Count {
    std::size_t all = 0;
    std::size_t idle = 0;
  };

  std::map<std::size_t, Count> counted() const {
    std::map<std::size_t, Count> counts;
    for (const auto& [number, one] : held) {
      ++counts[one.address].all;
      if (one.stage != Seat::Stage::working) ++counts[one.address].idle;
    }
    return counts;
  }

  /// comes lets one of `address` enter a full house, and checks who paid for it.
  void comes(std::size_t address) {
    const auto before = counted();
    const auto most =
        std::max_element(before.begin(), before.end(), [](const auto& left, const auto& right) {
          return left.second.all < right.second.all;
        })->second.all;
    const Count own = before.contains(address) ? before.at(address) : Count();
    const auto seat = enters("10.0.0." + std::to_string(address));
    if (seat) held[*seat] = {address, Seat::Stage::fresh, step};
    EXPECT_TRUE(seat || own.all > 0 || most < 2) << "who holds none found no place";
    ASSERT_LE(gone.size(), 1U);
    if (!gone.empty()) {
      const Held payer = held.at(gone.front());
      if (payer.address != address) pays(payer, before, own, most);
      held.erase(gone.front());
    }
    leaves();
  }

  /// pays checks who paid for another address, which has `own`; `most` is the most of any.
  void pays(const Held& payer, const std::map<std::size_t, Count>& before, const Count& own,
            std::size_t most) {
    const Count its = before.at(payer.address);
    EXPECT_TRUE(most < 2 || its.all >= 2) << "who had one lost it";
    EXPECT_TRUE(own.all == 0 || its.idle >= own.idle + 2) << "who had no more lost one";
    if (most >= 2) return;
    EXPECT_NE(payer.stage, Seat::Stage::working);
    for (const auto& [number, one] : held)
      EXPECT_TRUE(one.stage == Seat::Stage::working || payer.heard <= one.heard);
  }

  std::mt19937 chance{1114};
  std::map<std::size_t, Held> held;  ///< by the number of their seats
  std::size_t step = 0;
};

TEST_F(InvariantTest, WhoeverHoldsLeastKeepsIt) {
  for (const std::size_t addresses : {5U, 12U, 39U, 41U, 60U, 200U}) {
    for (const std::size_t until = step + 4000; step < until; ++step) {
      const std::size_t greedy =
          any(3) == 0 ? any(addresses) : any(std::min<std::size_t>(addresses, 4));
      if (occupancy.count() < 40) {
        if (const auto seat = enters("10.0.0." + std::to_string(greedy)))
          held[*seat] = {greedy, Seat::Stage::fresh, step};
        for (const std::size_t number : gone) held.erase(number);
        leaves();
      } else {
        comes(any(2) == 0 ? any(addresses) : greedy);
        if (HasFailure()) return;
      }
      if (held.empty()) continue;
      auto one = std::next(held.begin(), static_cast<std::ptrdiff_t>(any(held.size())));
      const std::size_t what = any(20);
      if (what == 0) {
        seats[one->first].reset();
        held.erase(one);
      } else if (what < 8) {
        one->second.stage = static_cast<Seat::Stage>(any(4) == 0 ? 2 : any(2));
        one->second.heard = step;
        seats[one->first]->heard(one->second.stage);
      }
    }
  }
}

/// As TVS and HTTPS have them.
class CrowdTest : public OccupancyTest {
 protected:
  CrowdTest() : OccupancyTest(Limits{}) {}

  /// churns lets `hosts` open fresh ones in turn, and tells whether `seat` outlives it.
  bool outlives(std::size_t seat, int hosts, const std::string& prefix) {
    for (int i = 0; i < 20'000; ++i) {
      enters(prefix + std::to_string(i % hosts));
      if (seats[seat]->displaced()) return false;
      leaves();
    }
    return true;
  }
};

TEST_F(CrowdTest, KeepsAHandshakeAmongFortyHostsWhoHoldTheirPart) {
  for (int i = 0; i < 4096; ++i) enters("10.9.0." + std::to_string(i % 40), Seat::Stage::settled);
  const auto honest = enters("10.0.0.1");
  ASSERT_TRUE(honest);
  EXPECT_TRUE(outlives(*honest, 40, "10.9.0."));
}

TEST_F(CrowdTest, KeepsAHandshakeAmongFiveHostsWhoAskAllTheTime) {
  for (int i = 0; i < 4096; ++i) enters("10.9.0." + std::to_string(i % 4), Seat::Stage::settled);
  leaves();
  const auto honest = enters("10.0.0.1");
  ASSERT_TRUE(honest);
  leaves();
  EXPECT_TRUE(outlives(*honest, 1, "10.9.9."));
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

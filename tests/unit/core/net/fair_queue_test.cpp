#include "core/net/fair_queue.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringfence::core {
namespace {

using testing::ElementsAre;

asio::ip::address at(const std::string& text) {
  return asio::ip::make_address(text);
}

std::vector<std::string> all_of(FairQueue<std::string>& queue) {
  std::vector<std::string> order;
  while (auto next = queue.pop()) order.push_back(*next);
  return order;
}

TEST(FairQueueTest, ServesOneOfEachPeerInTurn) {
  FairQueue<std::string> queue({100, 100});
  for (const char* item : {"a1", "a2", "a3"}) queue.push(at("10.0.0.1"), item);
  for (const char* item : {"b1", "b2"}) queue.push(at("10.0.0.2"), item);
  queue.push(at("10.0.0.3"), "c1");
  EXPECT_EQ(queue.size(), 6U);
  EXPECT_EQ(queue.peers(), 3U);
  EXPECT_THAT(all_of(queue), ElementsAre("a1", "b1", "c1", "a2", "b2", "a3"));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.peers(), 0U);
}

TEST(FairQueueTest, ANewcomerWaitsForOneOfEachOther) {
  FairQueue<std::string> queue({1000, 10'000});
  for (int item = 0; item < 100; ++item)
    for (int peer = 1; peer <= 35; ++peer)
      queue.push(at("10.0.0." + std::to_string(peer)), "greedy");
  queue.push(at("10.1.0.1"), "honest");
  int before = 0;
  while (*queue.pop() != "honest") ++before;
  EXPECT_LE(before, 35);
}

TEST(FairQueueTest, AWholePrefixOfIpv6IsOnePeer) {
  FairQueue<std::string> queue({2, 100});
  EXPECT_TRUE(queue.push(at("2001:db8::1"), "a").empty());
  EXPECT_TRUE(queue.push(at("2001:db8::2"), "b").empty());
  EXPECT_THAT(queue.push(at("2001:db8::3"), "c"), ElementsAre("c"));
  EXPECT_TRUE(queue.push(at("2001:db8:0:1::3"), "d").empty());
}

TEST(FairQueueTest, TheLongestLinePaysForWhoComesWhenAllIsFull) {
  FairQueue<std::string> queue({4, 5});
  for (const char* item : {"a1", "a2", "a3", "a4"}) queue.push(at("10.0.0.1"), item);
  EXPECT_THAT(queue.push(at("10.0.0.1"), "a5"), ElementsAre("a5")) << "its own line is full";
  EXPECT_TRUE(queue.push(at("10.0.0.2"), "b1").empty());
  EXPECT_THAT(queue.push(at("10.0.0.3"), "c1"), ElementsAre("a4"));
  EXPECT_THAT(queue.push(at("10.0.0.3"), "c2"), ElementsAre("a3"));
  EXPECT_EQ(queue.size(), 5U);
  EXPECT_THAT(all_of(queue), ElementsAre("a1", "b1", "c1", "a2", "c2"));
}

TEST(FairQueueTest, CountsWhatItemsCost) {
  FairQueue<std::string> queue({100, 150});
  EXPECT_TRUE(queue.push(at("10.0.0.1"), "a1", 60).empty());
  EXPECT_THAT(queue.push(at("10.0.0.1"), "a2", 60), ElementsAre("a2"));
  EXPECT_TRUE(queue.push(at("10.0.0.2"), "b1", 50).empty());
  EXPECT_TRUE(queue.push(at("10.0.0.2"), "b2", 40).empty());
  EXPECT_THAT(queue.push(at("10.0.0.3"), "c1", 90), ElementsAre("c1"))
      << "the newest of the longest line, which is its own";
  EXPECT_THAT(queue.push(at("10.0.0.3"), "c2", 40), ElementsAre("b2"));
  EXPECT_THAT(queue.push(at("10.0.0.4"), "d1", 200), ElementsAre("d1"));
}

}  // namespace
}  // namespace ringfence::core

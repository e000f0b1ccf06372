#include "services/callmanager/reset_queue.h"

#include <gtest/gtest.h>

namespace ringfence::services::callmanager {
namespace {

TEST(ResetQueue, KeepsNoMoreUnansweredThanAllowed) {
  ResetQueue queue(2);
  for (const char* device : {"a", "b", "c"})
    EXPECT_TRUE(queue.add({{1, device}, ResetKind::reset}));
  for (const char* device : {"a", "b"}) {
    const auto order = queue.next();
    ASSERT_TRUE(order.has_value());
    EXPECT_EQ(order->key.device, device);
    queue.sent(order->key, 1);
  }
  EXPECT_FALSE(queue.next().has_value());
  EXPECT_EQ(queue.waiting(), 1U);
  EXPECT_EQ(queue.answered({1, "a"}, 200), 200);
  const auto third = queue.next();
  ASSERT_TRUE(third.has_value());
  EXPECT_EQ(third->key.device, "c");
}

TEST(ResetQueue, TheFirstYesOfAnyContactIsTheOutcome) {
  ResetQueue queue(10);
  queue.add({{1, "a"}, ResetKind::reset});
  queue.sent(queue.next()->key, 3);
  EXPECT_EQ(queue.answered({1, "a"}, 404), std::nullopt);
  EXPECT_EQ(queue.answered({1, "a"}, 200), 200);
  EXPECT_EQ(queue.answered({1, "a"}, 408), std::nullopt);
  EXPECT_EQ(queue.unanswered(), 0U);
}

TEST(ResetQueue, WithoutAYesTheLastAnswerIsTheOutcome) {
  ResetQueue queue(10);
  queue.add({{1, "a"}, ResetKind::reset});
  queue.sent(queue.next()->key, 2);
  EXPECT_EQ(queue.answered({1, "a"}, 400), std::nullopt);
  EXPECT_EQ(queue.answered({1, "a"}, 404), 404);
}

TEST(ResetQueue, RefusesTheSameDeviceOfTheSameResetWhileItIsUnderWay) {
  ResetQueue queue(10);
  EXPECT_TRUE(queue.add({{1, "a"}, ResetKind::reset}));
  EXPECT_FALSE(queue.add({{1, "a"}, ResetKind::reset}));
  EXPECT_TRUE(queue.add({{2, "a"}, ResetKind::reset}));
  queue.sent(queue.next()->key, 1);
  EXPECT_FALSE(queue.add({{1, "a"}, ResetKind::reset}));
  queue.answered({1, "a"}, 200);
  EXPECT_TRUE(queue.add({{1, "a"}, ResetKind::reset}));
}

TEST(ResetQueue, ADeviceWithoutContactsIsDone) {
  ResetQueue queue(1);
  queue.add({{1, "a"}, ResetKind::reset});
  queue.sent(queue.next()->key, 0);
  EXPECT_EQ(queue.unanswered(), 0U);
  EXPECT_TRUE(queue.add({{1, "a"}, ResetKind::reset}));
}

TEST(ResetQueue, IgnoresAnAnswerToNothing) {
  ResetQueue queue(1);
  EXPECT_EQ(queue.answered({1, "a"}, 200), std::nullopt);
  queue.add({{1, "a"}, ResetKind::reset});
  EXPECT_EQ(queue.answered({1, "a"}, 200), std::nullopt) << "it has not been sent yet";
}

}  // namespace
}  // namespace ringfence::services::callmanager

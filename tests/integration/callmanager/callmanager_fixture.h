// A daemon that knows three devices, and ends well after each test.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "tests/integration/callmanager/instance.h"
#include "tests/integration/callmanager/sip_peer.h"

namespace ringfence::test {

using Transport = SipPeer::Transport;

inline const std::string kPhone = "SEP001122334455";
inline const std::string kOther = "SEP001122334466";

class CallManagerTest : public testing::Test {
 protected:
  void SetUp() override { instance_.start(); }

  void TearDown() override {
    EXPECT_TRUE(instance_.alive());
    EXPECT_EQ(instance_.stop(), 0);
  }

  std::int64_t registered() { return instance_.call("status").at("registered").as_int64(); }

  static bool answered(const Instance::Resets& resets) {
    return !resets.empty() && resets[0].status != 0;
  }

  Instance instance_{{kPhone, kOther, "CSFanna"}};
};

}  // namespace ringfence::test

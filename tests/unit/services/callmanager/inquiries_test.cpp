// Which questions wait for an answer, and for how long.
#include "services/callmanager/inquiries.h"

#include <gtest/gtest.h>

namespace ringfence::services::callmanager {
namespace {

using namespace std::chrono_literals;

class InquiriesTest : public testing::Test {
 protected:
  static Inquiry from(const std::string& address, const std::string& device = "SEP001122334455") {
    Inquiry inquiry;
    inquiry.device = device;
    inquiry.way.peer = {core::asio::ip::make_address(address), 5060};
    inquiry.back = inquiry.way;
    inquiry.text = "OPTIONS";
    return inquiry;
  }

  Inquiries inquiries_;
  const Inquiries::Time start_{};
};

TEST_F(InquiriesTest, EndWithTheAnswerOfWhoWasAsked) {
  ASSERT_TRUE(inquiries_.start("z9hG4bKone", from("10.0.0.7"), start_));
  EXPECT_FALSE(inquiries_.answered("z9hG4bKtwo", "10.0.0.7")) << "a branch that was guessed";
  EXPECT_FALSE(inquiries_.answered("z9hG4bKone", "10.0.0.8")) << "another host";
  const auto inquiry = inquiries_.answered("z9hG4bKone", "10.0.0.7");
  ASSERT_TRUE(inquiry);
  EXPECT_EQ(inquiry->device, "SEP001122334455");
  EXPECT_FALSE(inquiries_.answered("z9hG4bKone", "10.0.0.7"));
}

TEST_F(InquiriesTest, ComeAgainTwiceAndEnd) {
  inquiries_.start("z9hG4bKone", from("10.0.0.7"), start_);
  EXPECT_EQ(inquiries_.due(start_ + 500ms).again.size(), 0U);
  EXPECT_EQ(inquiries_.due(start_ + 1s).again.size(), 1U);
  EXPECT_EQ(inquiries_.due(start_ + 1500ms).again.size(), 0U);
  EXPECT_EQ(inquiries_.due(start_ + 2s).again.size(), 1U);
  const Inquiries::Due before = inquiries_.due(start_ + 2900ms);
  EXPECT_TRUE(before.again.empty() && before.silent.empty());
  const Inquiries::Due after = inquiries_.due(start_ + Inquiries::kPatience);
  ASSERT_EQ(after.silent.size(), 1U);
  EXPECT_EQ(after.silent.front().device, "SEP001122334455");
  EXPECT_EQ(inquiries_.count(), 0U);
}

TEST_F(InquiriesTest, OfOneAddressPushOutNobodyElses) {
  inquiries_.start("z9hG4bKhonest", from("10.0.0.7"), start_);
  for (int i = 0; i < 5000; ++i) {
    for (const char* host : {"1", "2", "3", "4", "5", "6", "7", "8", "9"})
      inquiries_.start("z9hG4bK" + std::to_string(i) + "-" + host,
                       from(std::string("10.6.6.") + host), start_);
  }
  EXPECT_LE(inquiries_.count(), 4000U);
  EXPECT_TRUE(inquiries_.answered("z9hG4bKhonest", "10.0.0.7"));
}

}  // namespace
}  // namespace ringfence::services::callmanager

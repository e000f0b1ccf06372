// What is no SIP: truncated, random, too long, silent.
#include <memory>
#include <random>

#include <gmock/gmock.h>

#include "tests/integration/callmanager/callmanager_fixture.h"

namespace ringfence::test {
namespace {

using testing::StartsWith;

TEST_F(CallManagerTest, SurvivesEveryTruncationOfARegister) {
  SipPeer garbage(Transport::udp, instance_.port());
  const std::string whole = register_text({.device = kOther}, garbage);
  for (std::size_t length = 1; length < whole.size(); ++length)
    garbage.send(whole.substr(0, length));
  SipPeer tcp(Transport::tcp, instance_.port());
  tcp.send(whole.substr(0, whole.size() / 2));
  SipPeer good(Transport::udp, instance_.port());
  EXPECT_EQ(first_line(good.ask(register_text({.device = kPhone}, good))), "SIP/2.0 200 OK");
}

TEST_F(CallManagerTest, SurvivesRandomBytes) {
  std::mt19937 random(1);
  SipPeer garbage(Transport::udp, instance_.port());
  const std::string whole = register_text({.device = kOther}, garbage);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = whole;
    if (round % 3 == 0) {
      bytes.assign(random() % 2000 + 1, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random());
    } else {
      for (int change = 0; change < 1 + round % 7; ++change)
        bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (round % 30 == 0) {
      SipPeer tcp(Transport::tcp, instance_.port());
      tcp.send(bytes);
    } else {
      garbage.send(bytes);
    }
    if (round % 100 == 99) {  // let it keep pace, or the kernel drops what we send
      SipPeer good(Transport::udp, instance_.port());
      ASSERT_EQ(first_line(good.ask(register_text({.device = kPhone, .cseq = round}, good))),
                "SIP/2.0 200 OK");
    }
  }
}

TEST_F(CallManagerTest, RefusesAnOversizedMessage) {
  SipPeer tcp(Transport::tcp, instance_.port());
  tcp.send("REGISTER sip:127.0.0.1 SIP/2.0\r\nX: " + std::string(200'000, 'x'));
  EXPECT_TRUE(tcp.ended());
  SipPeer good(Transport::udp, instance_.port());
  EXPECT_EQ(first_line(good.ask(register_text({.device = kPhone}, good))), "SIP/2.0 200 OK");
}

TEST_F(CallManagerTest, EndsSilentConnectionsWhenThereAreTooMany) {
  SipPeer phone(Transport::tcp, instance_.port());
  EXPECT_EQ(first_line(phone.ask(register_text({.device = kPhone}, phone))), "SIP/2.0 200 OK");
  instance_.limit_descriptors(256);
  std::vector<std::unique_ptr<SipPeer>> silent;
  for (int i = 0; i < 100; ++i)
    silent.push_back(std::make_unique<SipPeer>(Transport::tcp, instance_.port()));
  for (const auto& one : silent) EXPECT_TRUE(one->ended(20'000));
  EXPECT_EQ(instance_.reset(1, "reset", {kPhone}).at("asked").as_int64(), 1);
  EXPECT_THAT(phone.receive().value_or(""), StartsWith("NOTIFY "));
}

TEST_F(CallManagerTest, AnswersAKeepAliveOfEmptyLines) {
  SipPeer tcp(Transport::tcp, instance_.port());
  tcp.send("\r\n\r\n");
  EXPECT_EQ(tcp.bytes(), "\r\n");
}

}  // namespace
}  // namespace ringfence::test

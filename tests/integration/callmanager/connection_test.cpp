// What the end of a TCP connection, or of the daemon, does to registrations.
#include <functional>
#include <memory>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/integration/callmanager/callmanager_fixture.h"

namespace ringfence::test {
namespace {

using testing::HasSubstr;

// How a TCP connection may end, each as the registrar sees it.
struct End {
  const char* name;
  std::function<void(std::unique_ptr<SipPeer>&)> by;
};

class ConnectionEnd : public CallManagerTest, public testing::WithParamInterface<End> {};

INSTANTIATE_TEST_SUITE_P(, ConnectionEnd,
                         testing::Values(End{"Fin", [](auto& peer) { peer.reset(); }},
                                         End{"HalfFin", [](auto& peer) { peer->finish_sending(); }},
                                         End{"Rst",
                                             [](auto& peer) {
                                               peer->end_with_reset();
                                               peer.reset();
                                             }},
                                         End{"Nonsense",
                                             [](auto& peer) { peer->send("no SIP\r\n\r\n"); }}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(ConnectionEnd, UnregistersThePhoneAndNoOther) {
  SipPeer stays(Transport::tcp, instance_.port());
  stays.ask(register_text({.device = kOther}, stays));
  SipPeer udp(Transport::udp, instance_.port());
  udp.ask(register_text({.device = "CSFanna"}, udp));
  auto goes = std::make_unique<SipPeer>(Transport::tcp, instance_.port());
  goes->ask(register_text({.device = kPhone, .user = "6001"}, *goes));
  goes->ask(register_text({.device = kPhone, .user = "6002"}, *goes));
  ASSERT_EQ(instance_.registrations([](const auto& all) { return all.size() == 4; }).size(), 4U);

  GetParam().by(goes);
  const auto left = instance_.registrations([](const auto& all) { return all.size() == 2; });
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left[0].device, "CSFanna");
  EXPECT_EQ(left[1].device, kOther);
  EXPECT_EQ(registered(), 2);
  EXPECT_EQ(instance_.reset(1, "reset", {kPhone}).at("unknown").as_array(),
            boost::json::array{kPhone});
  EXPECT_EQ(instance_.times_logged("PHONE_UNREGISTERED"), 1);

  SipPeer back(Transport::tcp, instance_.port());
  back.ask(register_text({.device = kPhone, .call_id = "again@phone"}, back));
  EXPECT_EQ(registered(), 3);
  EXPECT_EQ(instance_.reset(2, "reset", {kPhone}).at("asked").as_int64(), 1);
  EXPECT_THAT(back.receive().value_or(""), HasSubstr("RegisterCallId={again@phone}"));
}

TEST_F(CallManagerTest, APhoneThatCameBackBeforeItsConnectionEndedStays) {
  auto before = std::make_unique<SipPeer>(Transport::tcp, instance_.port());
  before->ask(register_text({.device = kPhone}, *before));
  SipPeer after(Transport::tcp, instance_.port());
  after.ask(register_text({.device = kPhone, .call_id = "again@phone"}, after));
  before->ask(register_text({.device = kOther, .user = "6002"}, *before));
  ASSERT_EQ(instance_.registrations([](const auto& all) { return all.size() == 2; }).size(), 2U);

  before.reset();
  // That the other phone of this connection is gone shows that its end was noticed.
  const auto left = instance_.registrations([](const auto& all) { return all.size() == 1; });
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].device, kPhone);
  EXPECT_EQ(left[0].peer, fmt::format("127.0.0.1:{}", after.port()));
  EXPECT_EQ(registered(), 1);
  EXPECT_EQ(instance_.reset(1, "reset", {kPhone}).at("asked").as_int64(), 1);
  EXPECT_THAT(after.receive().value_or(""), HasSubstr("RegisterCallId={again@phone}"));
}

TEST_F(CallManagerTest, ARegisterThatIsFollowedByTheEndLeavesNothing) {
  instance_.add({"SEPAABBCCDDEEFF"});  // not known yet: its REGISTER waits for a look at admin.db
  for (int round = 0; round < 50; ++round) {
    SipPeer tcp(Transport::tcp, instance_.port());
    tcp.send(register_text({.device = round % 2 == 0 ? "SEPAABBCCDDEEFF" : kPhone}, tcp));
    tcp.finish_sending();
    EXPECT_TRUE(tcp.ended());
  }
  SipPeer udp(Transport::udp, instance_.port());
  udp.ask(register_text({.device = kOther}, udp));
  const auto left = instance_.registrations(
      [](const auto& all) { return all.size() == 1 && all[0].device == kOther; });
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].device, kOther);
  EXPECT_EQ(registered(), 1);
}

TEST_F(CallManagerTest, NoRegistrationOverTcpOutlivesTheDaemon) {
  SipPeer tcp(Transport::tcp, instance_.port());
  tcp.ask(register_text({.device = kPhone}, tcp));
  ASSERT_EQ(instance_.registrations([](const auto& all) { return !all.empty(); }).size(), 1U);
  EXPECT_EQ(instance_.stop(), 0);
  instance_.start();
  EXPECT_TRUE(instance_.registrations([](const auto& all) { return all.empty(); }).empty());
  EXPECT_EQ(registered(), 0);
}

TEST_F(CallManagerTest, ResetsOverUdpAfterARestart) {
  SipPeer peer(Transport::udp, instance_.port());
  peer.ask(register_text({.device = kPhone, .call_id = "before@phone"}, peer));
  EXPECT_EQ(instance_.stop(), 0);
  instance_.start();
  EXPECT_EQ(registered(), 1);
  EXPECT_EQ(instance_.reset(3, "reset", {kPhone}).at("asked").as_int64(), 1);
  const std::string notify = peer.receive().value_or("");
  EXPECT_EQ(body(notify), "action=reset\r\nRegisterCallId={before@phone}\r\n");
  peer.answer(notify, 200, "OK");
  EXPECT_EQ(instance_.resets(3, answered).at(0).status, 200);
}

}  // namespace
}  // namespace ringfence::test

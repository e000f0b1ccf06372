// What one host can do to the registrar, and through it to others.
#include <algorithm>
#include <deque>
#include <memory>
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/phones/phone_report_store.h"
#include "tests/integration/callmanager/instance.h"
#include "tests/integration/callmanager/raw_udp.h"
#include "tests/integration/callmanager/sip_peer.h"

namespace ringfence::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using Transport = SipPeer::Transport;

const std::string kPhone = "SEP001122334455";
constexpr std::size_t kMegabyte = 1024 * 1024;

/// Request is a message whose headers a test writes itself.
struct Request {
  std::string method = "REGISTER";
  std::string via;
  std::string more = {};
  std::string body = {};
  std::string to = kPhone;
};

std::string text_of(const Request& request) {
  return fmt::format(
      "{0} sip:127.0.0.1 SIP/2.0\r\n{1}From: <sip:{2}@127.0.0.1>;tag=1\r\n"
      "To: <sip:{2}@127.0.0.1>\r\nCall-ID: hostile@host\r\nCSeq: 1 {0}\r\n{3}"
      "Content-Length: {4}\r\n\r\n{5}",
      request.method, request.via, request.to, request.more, request.body.size(), request.body);
}

class HostileTest : public testing::Test {
 protected:
  void SetUp() override { instance_.start(); }

  void TearDown() override {
    EXPECT_TRUE(instance_.alive());
    EXPECT_EQ(instance_.stop(), 0);
  }

  /// good asks once more as a phone would, so that all sent before has been judged.
  void good() {
    SipPeer peer(Transport::udp, instance_.port());
    ASSERT_EQ(
        first_line(peer.ask(register_text({.device = kPhone, .call_id = "good@phone"}, peer))),
        "SIP/2.0 200 OK");
  }

  Instance instance_{{kPhone}};
};

TEST_F(HostileTest, NoAnswerLeavesForAnotherAddressThanThePacketsSource) {
  RawUdp attacker("127.0.0.1");
  RawUdp victim("127.0.0.9");
  const std::string there = fmt::format("127.0.0.9:{}", victim.port());
  const std::string here = fmt::format("127.0.0.1:{}", attacker.port());
  const std::vector<std::string> vias{
      fmt::format("Via: SIP/2.0/UDP {};branch=z9hG4bK1;maddr=127.0.0.9\r\n", here),
      fmt::format("Via: SIP/2.0/UDP {};branch=z9hG4bK2;maddr={}\r\n", here, there),
      fmt::format("Via: SIP/2.0/UDP {};branch=z9hG4bK3\r\n", there),
      fmt::format("Via: SIP/2.0/UDP {};branch=z9hG4bK4;rport={}\r\n", there, victim.port()),
      fmt::format("Via: SIP/2.0/UDP {};branch=z9hG4bK5;received=127.0.0.9;rport={}\r\n", here,
                  victim.port()),
      fmt::format("Via: SIP/2.0/TCP {};branch=z9hG4bK6;received=127.0.0.9\r\n", there),
      fmt::format("Via: SIP/2.0/UDP {};branch=z9hG4bK7\r\nVia: SIP/2.0/UDP {};branch=z8\r\n", there,
                  there)};
  const std::string more = fmt::format(
      "Contact: <sip:1@{0}>;+u.sip!devicename.ccm.cisco.com=\"{1}\"\r\n"
      "Route: <sip:{0};lr>\r\nRecord-Route: <sip:{0};lr>\r\nExpires: 60\r\n",
      there, kPhone);
  for (const std::string& via : vias) {
    for (const char* method : {"REGISTER", "OPTIONS", "REFER", "PUBLISH", "INVITE", "BYE"})
      attacker.send(instance_.port(), text_of({.method = method, .via = via, .more = more}));
    attacker.send(instance_.port(), text_of({.via = via, .more = more, .to = "SEP000000000000"}));
    attacker.send(instance_.port(), "REGISTER sip:a SIP/2.0\r\n" + via + "\r\n");
    attacker.send(instance_.port(), "REGISTER sip:a SIP/9.0\r\n" + via + "\r\n");
  }
  good();
  EXPECT_EQ(victim.receive(200), std::nullopt);
  EXPECT_THAT(attacker.receive().value_or(""), StartsWith("SIP/2.0 "));
}

TEST_F(HostileTest, ANotifyGoesToNobodyButWhoRegistered) {
  RawUdp attacker("127.0.0.1");
  RawUdp victim("127.0.0.9");
  const std::string via =
      fmt::format("Via: SIP/2.0/UDP 127.0.0.9:{};branch=z9hG4bK1\r\n", victim.port());
  const std::string more = fmt::format(
      "Contact: <sip:1@127.0.0.9:{0};maddr=127.0.0.9>;+u.sip!devicename.ccm.cisco.com=\"{1}\"\r\n",
      victim.port(), kPhone);
  attacker.send(instance_.port(), text_of({.via = via, .more = more}));
  const auto rows = instance_.registrations([](const auto& all) { return !all.empty(); });
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(instance_.reset(1, "reset", {kPhone}).at("asked").as_int64(), 1);
  EXPECT_THAT(attacker.receive().value_or(""), StartsWith("NOTIFY sip:1@127.0.0.1:"));
  EXPECT_EQ(victim.receive(200), std::nullopt);
}

TEST_F(HostileTest, AnAnswerIsAtMostThreeTimesAsLongAsItsRequest) {
  RawUdp attacker;
  const std::string via =
      fmt::format("Via: SIP/2.0/UDP 127.0.0.1:{};branch=z\r\n", attacker.port());
  const std::string device = fmt::format(";+u.sip!devicename.ccm.cisco.com=\"{}\"", kPhone);
  const auto ask = [&](const std::string& text) {
    attacker.send(instance_.port(), text);
    return attacker.receive().value_or("");
  };
  for (int line = 0; line < 40; ++line) {
    const std::string contact =
        fmt::format("Contact: <sip:{}@127.0.0.1;x={}>{}\r\n", line, std::string(450, 'x'), device);
    const std::string request = text_of({.via = via, .more = contact});
    const std::string reply = ask(request);
    EXPECT_THAT(reply, StartsWith("SIP/2.0 200 OK"));
    EXPECT_LE(reply.size(), 3 * request.size());
  }
  EXPECT_LE(instance_.call("status").at("contacts").as_int64(), 16);
  const std::string question = text_of({.via = via});
  const std::string reply = ask(question);
  EXPECT_THAT(reply, StartsWith("SIP/2.0 200 OK"));
  EXPECT_LE(reply.size(), 3 * question.size());
  for (const char* method : {"OPTIONS", "REFER", "PUBLISH", "SUBSCRIBE", "INVITE"}) {
    const std::string other = text_of({.method = method, .via = via});
    EXPECT_LE(ask(other).size(), 3 * other.size()) << method;
  }
}

TEST_F(HostileTest, RequestsLeaveNothingBehind) {
  RawUdp attacker("127.0.0.5");
  const auto flood = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const char* const methods[] = {"OPTIONS", "INVITE", "REFER", "PUBLISH", "REGISTER"};
      attacker.send(
          instance_.port(),
          text_of({.method = methods[i % 5],
                   .via = fmt::format("Via: SIP/2.0/UDP 127.0.0.5:{};branch=z9hG4bK{}\r\n",
                                      attacker.port(), i),
                   .to = fmt::format("SEP{:012}", i)}));
      if (i % 50 == 49)  // keep pace with it
        while (attacker.receive(i % 1000 == 999 ? 200 : 0)) {
        }
    }
  };
  flood(2000);
  good();
  const std::size_t before = instance_.memory();
  flood(20'000);
  good();
  EXPECT_LT(instance_.memory(), before + 8 * kMegabyte);
  EXPECT_LT(instance_.log().size(), 64U * 1024);
}

// All requests are there before the daemon goes on, the phone's last: who is answered when is then
// the daemon's choice, and the kernel's clock tells it.
TEST_F(HostileTest, APhoneIsAnsweredInItsTurnHoweverMuchOthersAsk) {
  constexpr int kHosts = 35;
  constexpr int kEach = 8;
  std::vector<std::unique_ptr<RawUdp>> greedy;
  for (int host = 0; host < kHosts; ++host)
    greedy.push_back(std::make_unique<RawUdp>(fmt::format("127.0.1.{}", host + 1)));
  RawUdp phone("127.0.0.6");
  const auto request = [](const RawUdp& from, int number) {
    return text_of(
        {.via = fmt::format("Via: SIP/2.0/UDP {}:{};branch=z9hG4bK{};rport\r\n", from.address(),
                            from.port(), number),
         .more = fmt::format("Contact: <sip:{}@{}:{}>\r\n", kPhone, from.address(), from.port())});
  };
  instance_.pause();
  for (int number = 0; number < kEach; ++number)
    for (const auto& host : greedy) host->send(instance_.port(), request(*host, number));
  phone.send(instance_.port(), request(phone, 0));
  instance_.resume();
  ASSERT_THAT(phone.receive().value_or(""), StartsWith("SIP/2.0 200 OK"));
  int before = 0;
  int all = 0;
  for (const auto& host : greedy) {
    for (int number = 0; number < kEach; ++number) {
      if (!host->receive()) break;
      ++all;
      before += host->arrived() < phone.arrived() ? 1 : 0;
    }
  }
  EXPECT_EQ(all, kHosts * kEach) << "the others have theirs, later";
  EXPECT_LE(before, 2 * kHosts);
}

TEST_F(HostileTest, WhoAsksWithoutEndIsLeftOutAndNobodyElse) {
  RawUdp greedy("127.0.0.5");
  const std::string request = text_of(
      {.method = "OPTIONS",
       .via = fmt::format("Via: SIP/2.0/UDP 127.0.0.5:{};branch=z9hG4bK1\r\n", greedy.port())});
  int answered = 0;
  constexpr int kAsked = 60'000;
  for (int i = 0; i < kAsked; ++i) {
    greedy.send(instance_.port(), request);
    if (i % 50 == 49)
      while (greedy.receive(0)) ++answered;
  }
  good();
  while (greedy.receive(100)) ++answered;
  EXPECT_GT(answered, 0);
  EXPECT_LT(answered, kAsked);
  EXPECT_THAT(instance_.log(), HasSubstr("SIP_LEFT_OUT peer=127.0.0.5:"));
  EXPECT_LT(instance_.log().size(), 64U * 1024);
}

// Whoever can send from a phone's address, or forge it: a connection cannot be forged.
TEST_F(HostileTest, DatagramsUseUpNothingOfTheConnectionsOfTheirAddress) {
  RawUdp forger("127.0.0.5");
  const std::string request = text_of(
      {.method = "OPTIONS",
       .via = fmt::format("Via: SIP/2.0/UDP 127.0.0.5:{};branch=z9hG4bK1\r\n", forger.port())});
  SipPeer phone(Transport::tcp, instance_.port(), "127.0.0.5");
  for (int i = 0; i < 60'000; ++i) {
    forger.send(instance_.port(), request);
    if (i % 50 == 49)
      while (forger.receive(0)) {
      }
  }
  good();
  ASSERT_THAT(instance_.log(), HasSubstr("SIP_LEFT_OUT peer=127.0.0.5:"));
  instance_.pause();
  for (int i = 0; i < 2000; ++i) forger.send(instance_.port(), request);
  phone.send(register_text({.device = kPhone}, phone));
  instance_.resume();
  EXPECT_THAT(phone.receive().value_or(""), StartsWith("SIP/2.0 200 OK"));
}

TEST_F(HostileTest, OneHostsConnectionsDisplaceEachOtherAndNobodyElse) {
  SipPeer phone(Transport::tcp, instance_.port(), "127.0.0.6");
  EXPECT_EQ(first_line(phone.ask(register_text({.device = kPhone}, phone))), "SIP/2.0 200 OK");
  std::vector<std::unique_ptr<SipPeer>> greedy;
  for (int i = 0; i < 400; ++i)
    greedy.push_back(std::make_unique<SipPeer>(Transport::tcp, instance_.port(), "127.0.0.5"));
  EXPECT_TRUE(greedy.front()->ended(5000));
  SipPeer other(Transport::tcp, instance_.port(), "127.0.0.7");
  other.send("\r\n\r\n");
  EXPECT_EQ(other.bytes(), "\r\n");
  EXPECT_LE(instance_.call("status").at("connections").as_int64(), 258);
  EXPECT_EQ(instance_.reset(1, "reset", {kPhone}).at("asked").as_int64(), 1);
  EXPECT_THAT(phone.receive().value_or(""), StartsWith("NOTIFY "));
}

TEST_F(HostileTest, WhoMakesUpLinesOfAPhoneDoesNotDisplaceThePhone) {
  SipPeer phone(Transport::udp, instance_.port(), "127.0.0.6");
  const std::string contact = fmt::format(
      "<sip:6001@127.0.0.6:{}>;+u.sip!devicename.ccm.cisco.com=\"{}\"", phone.port(), kPhone);
  std::string text = register_text({.device = kPhone, .contact = contact}, phone);
  text.replace(text.find("Via: SIP/2.0/UDP 127.0.0.1"), 26, "Via: SIP/2.0/UDP 127.0.0.6");
  EXPECT_EQ(first_line(phone.ask(text)), "SIP/2.0 200 OK");
  SipPeer stranger(Transport::udp, instance_.port(), "127.0.0.5");
  for (int line = 0; line < 50; ++line)
    stranger.ask(register_text({.device = kPhone, .user = std::to_string(line)}, stranger));
  instance_.reset(1, "reset", {kPhone});
  EXPECT_THAT(phone.receive().value_or(""), StartsWith("NOTIFY sip:6001@"));
}

TEST_F(HostileTest, NobodyTakesAPhonesRegistrationFromAnotherAddress) {
  SipPeer phone(Transport::udp, instance_.port());
  EXPECT_EQ(first_line(phone.ask(register_text({.device = kPhone}, phone))), "SIP/2.0 200 OK");
  const std::string contact = fmt::format(
      "<sip:6001@127.0.0.1:{}>;+u.sip!devicename.ccm.cisco.com=\"{}\"", phone.port(), kPhone);
  int placed = 0;
  for (int host = 1; host <= 60; ++host) {
    SipPeer stranger(Transport::udp, instance_.port(), fmt::format("127.0.1.{}", host));
    const std::string reply =
        stranger.ask(register_text({.device = kPhone, .cseq = 5000, .contact = contact}, stranger));
    placed += first_line(reply) == "SIP/2.0 200 OK" ? 1 : 0;
  }
  EXPECT_LT(placed, 60);
  const auto rows = instance_.registrations([&](const auto& all) { return all.size() > 47; });
  EXPECT_EQ(std::count_if(rows.begin(), rows.end(),
                          [](const auto& row) { return row.peer.starts_with("127.0.0.1:"); }),
            1);
  EXPECT_EQ(first_line(phone.ask(register_text({.device = kPhone, .cseq = 102}, phone))),
            "SIP/2.0 200 OK");
  instance_.reset(1, "reset", {kPhone});
  EXPECT_THAT(phone.receive().value_or(""), StartsWith("NOTIFY sip:6001@127.0.0.1:"));
}

TEST_F(HostileTest, SurvivesMutatedRequestsWithAlarms) {
  std::mt19937 random(4711);
  std::deque<RawUdp> hosts;  // so many that none is left out for asking too much
  for (int host = 2; host < 6; ++host) hosts.emplace_back(fmt::format("127.0.0.{}", host));
  const RawUdp& garbage = hosts.front();
  const std::string via =
      fmt::format("Via: SIP/2.0/UDP 127.0.0.1:{};branch=z9hG4bK1;rport\r\n", garbage.port());
  const std::string alarm =
      "<?xml version=\"1.0\"?><x-cisco-alarm><Alarm Name=\"LastOutOfServiceInformation\">"
      "<ParameterList><String name=\"DeviceName\">" +
      kPhone +
      "</String><Enum name=\"ReasonForOutOfService\">22</Enum><String name=\"ITLHash\">"
      "0123456789abcdef0123456789abcdef01234567</String></ParameterList></Alarm></x-cisco-alarm>";
  const std::string contact = fmt::format(
      "Contact: <sip:6001@127.0.0.1:{}>;+sip.instance=\"<urn:uuid:00000000-0000-0000-0000-"
      "001122334455>\";cisco-keep-alive\r\nReason: SIP;cause=200;text=\"cisco-alarm:25 "
      "Name={} ActiveLoad=a InactiveLoad=b Last=Initialized\"\r\n",
      garbage.port(), kPhone);
  const std::vector<std::string> seeds{
      text_of({.method = "REFER",
               .via = via,
               .more = "Refer-To: <cid:1>\r\nContent-Type: application/x-cisco-alarm+xml\r\n",
               .body = alarm}),
      text_of({.via = via,
               .more = contact + "Content-Type: multipart/mixed;boundary=b\r\n",
               .body = "--b\r\nContent-Type: application/x-cisco-alarm+xml\r\n\r\n" + alarm +
                       "\r\n--b--\r\n"}),
      text_of({.method = "OPTIONS", .via = via})};
  const auto flood = [&](int rounds) {
    for (int round = 0; round < rounds; ++round) {
      std::string bytes = seeds[static_cast<std::size_t>(round) % seeds.size()];
      for (int change = 0; change < 1 + round % 9; ++change) {
        const std::size_t at = random() % bytes.size();
        switch (random() % 4) {
          case 0: bytes[at] = static_cast<char>(random()); break;
          case 1: bytes.erase(at, random() % 20); break;
          case 2: bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 200)); break;
          default: bytes.insert(at, 1, "\r\n;,<>\"= &"[random() % 11]); break;
        }
      }
      hosts[static_cast<std::size_t>(round) % hosts.size()].send(instance_.port(), bytes);
      if (round % 100 == 99) {
        for (RawUdp& host : hosts)
          while (host.receive(0)) {
          }
        good();
      }
    }
  };
  flood(3000);
  const std::size_t before = instance_.memory();
  flood(12'000);
  EXPECT_LT(instance_.memory(), before + 16 * kMegabyte);
  EXPECT_LT(instance_.log().size(), 256U * 1024);
  EXPECT_THAT(instance_.log(), HasSubstr("SIP_MALFORMED"));
}

}  // namespace
}  // namespace ringfence::test

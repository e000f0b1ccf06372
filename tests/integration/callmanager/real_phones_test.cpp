// What phones of each family do: where they listen, what they say of themselves.
#include <cstdlib>
#include <future>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/phones/phone_report_store.h"
#include "core/phones/trust_sign.h"
#include "tests/integration/callmanager/instance.h"
#include "tests/integration/callmanager/raw_udp.h"
#include "tests/integration/callmanager/sip_peer.h"
#include "tests/support/eventually.h"

namespace ringfence::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;
using Transport = SipPeer::Transport;

const std::string kPhone = "SEP001122334455";
const std::string kItl = "0123456789abcdef0123456789abcdef01234567";

class RealPhonesTest : public testing::Test {
 protected:
  void SetUp() override { instance_.start(); }

  void TearDown() override {
    EXPECT_TRUE(instance_.alive());
    EXPECT_EQ(instance_.stop(), 0);
  }

  static std::string reply_to(const std::string& request, int status) {
    return fmt::format(
        "SIP/2.0 {} Fine\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=p\r\nCall-ID: {}\r\nCSeq: {}\r\n"
        "Content-Length: 0\r\n\r\n",
        status, header(request, "Via"), header(request, "From"), header(request, "To"),
        header(request, "Call-ID"), header(request, "CSeq"));
  }

  /// registration is what a 79xx sends that listens at `listening`.
  static std::string registration(std::uint16_t listening, const std::string& via_more = "") {
    return fmt::format(
        "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{0};branch=z9hG4bK1{1}\r\n"
        "From: <sip:6001@127.0.0.1>;tag=1\r\nTo: <sip:6001@127.0.0.1>\r\nCall-ID: 79@phone\r\n"
        "CSeq: 101 REGISTER\r\nMax-Forwards: 70\r\nContact: "
        "<sip:6001@127.0.0.1:{0};transport=udp>;+u.sip!devicename.ccm.cisco.com=\"{2}\"\r\n"
        "Expires: 3600\r\nContent-Length: 0\r\n\r\n",
        listening, via_more, kPhone);
  }

  std::optional<core::PhoneReport> report(
      const std::function<bool(const core::PhoneReport&)>& enough) {
    core::Database database(instance_.state() / "db/callmanager.db", core::Schema::callmanager,
                            core::Access::read_only);
    const core::PhoneReportStore store(database);
    std::optional<core::PhoneReport> found;
    const bool came = test::eventually([&] {
      found = store.find(kPhone);
      return found && enough(*found);
    });
    return came ? found : std::nullopt;
  }

  Instance instance_{{kPhone}};
};

TEST_F(RealPhonesTest, A79xxIsAnsweredAndResetWhereItListens) {
  RawUdp throw_away;
  RawUdp listening;
  throw_away.send(instance_.port(), registration(listening.port()));
  EXPECT_THAT(listening.receive().value_or(""), StartsWith("SIP/2.0 200 OK"));
  const auto rows = instance_.registrations([](const auto& all) { return !all.empty(); });
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].peer, fmt::format("127.0.0.1:{}", throw_away.port()));
  EXPECT_EQ(rows[0].target, fmt::format("127.0.0.1:{}", listening.port()));
  instance_.reset(1, "reset", {kPhone});
  const std::string notify = listening.receive().value_or("");
  EXPECT_THAT(notify, StartsWith(fmt::format("NOTIFY sip:6001@127.0.0.1:{} SIP/2.0\r\n",
                                             listening.port())));
  // It answers from yet another port.
  RawUdp another;
  another.send(instance_.port(), reply_to(notify, 200));
  EXPECT_EQ(instance_.resets(1, [](const auto& all) { return !all.empty() && all[0].status != 0; })
                .at(0)
                .status,
            200);
  EXPECT_EQ(throw_away.receive(0), std::nullopt);
}

TEST_F(RealPhonesTest, APhoneWithRportIsAnsweredAndResetWhereItSendsFrom) {
  RawUdp source;
  RawUdp listening;
  source.send(instance_.port(), registration(listening.port(), ";rport"));
  const std::string reply = source.receive().value_or("");
  EXPECT_THAT(reply, StartsWith("SIP/2.0 200 OK"));
  EXPECT_THAT(header(reply, "Via"), HasSubstr(fmt::format(";rport={}", source.port())));
  EXPECT_THAT(header(reply, "Via"), HasSubstr(";received=127.0.0.1"));
  instance_.reset(1, "reset", {kPhone});
  EXPECT_THAT(source.receive().value_or(""), StartsWith("NOTIFY "));
  EXPECT_EQ(listening.receive(0), std::nullopt);
}

TEST_F(RealPhonesTest, ANotifyThatIsLostComesAgain) {
  RawUdp phone;
  phone.send(instance_.port(), registration(phone.port()));
  EXPECT_TRUE(phone.receive().has_value());
  instance_.reset(1, "reset", {kPhone});
  const std::string first = phone.receive().value_or("");
  const std::string second = phone.receive().value_or("");
  EXPECT_THAT(first, StartsWith("NOTIFY "));
  EXPECT_EQ(first, second);
}

TEST_F(RealPhonesTest, ARegisterIsAnsweredWithTheDateAndTwoMinutes) {
  SipPeer peer(Transport::udp, instance_.port());
  const std::string reply = peer.ask(register_text({.device = kPhone, .expires = "3600"}, peer));
  EXPECT_EQ(header(reply, "Expires"), "120");
  EXPECT_THAT(header(reply, "Contact"), HasSubstr(";expires=120"));
  EXPECT_THAT(header(reply, "Date"),
              MatchesRegex("[A-Z][a-z][a-z], [0-9][0-9] [A-Z][a-z][a-z] 20[0-9][0-9] "
                           "[0-9][0-9]:[0-9][0-9]:[0-9][0-9] GMT"));
}

TEST_F(RealPhonesTest, AMissedRefreshIsSeenWithinSeconds) {
  instance_.stop();
  core::write_atomically(instance_.state() / "ringfence.toml",
                         core::bytes_of(fmt::format("[network]\nport_offset = {}\n[callmanager]\n"
                                                    "register_lifetime = 60\nregister_grace = 0\n",
                                                    instance_.port() - 5060)));
  instance_.start();
  SipPeer peer(Transport::udp, instance_.port());
  EXPECT_EQ(header(peer.ask(register_text({.device = kPhone, .expires = "3600"}, peer)), "Expires"),
            "60");
  const auto rows = instance_.registrations([](const auto& all) { return !all.empty(); });
  EXPECT_EQ(rows.at(0).expires_at - rows.at(0).refreshed_at, std::chrono::seconds(60));
}

TEST_F(RealPhonesTest, AKeepAliveLeavesTheRegistrationAlone) {
  SipPeer peer(Transport::udp, instance_.port());
  peer.ask(register_text({.device = kPhone}, peer));
  const std::string contact =
      fmt::format("<sip:6001@127.0.0.1:{}>;+u.sip!devicename.ccm.cisco.com=\"{}\";cisco-keep-alive",
                  peer.port(), kPhone);
  const std::string reply = peer.ask(register_text(
      {.device = kPhone, .call_id = "other@phone", .cseq = 1, .expires = "0", .contact = contact},
      peer));
  EXPECT_EQ(first_line(reply), "SIP/2.0 200 OK");
  EXPECT_EQ(header(reply, "Expires"), "120");
  EXPECT_EQ(instance_.call("status").at("registered").as_int64(), 1);
  instance_.reset(1, "reset", {kPhone});
  EXPECT_THAT(peer.receive().value_or(""), HasSubstr("RegisterCallId={0011-2233@phone}"));
}

TEST_F(RealPhonesTest, TheReasonOfARegisterIsKept) {
  SipPeer peer(Transport::udp, instance_.port());
  std::string text = register_text({.device = kPhone}, peer);
  text.insert(text.find("Contact: "),
              "Reason: SIP;cause=200;text=\"cisco-alarm:23 Name=SEP001122334455 "
              "ActiveLoad=sip88xx.14-1-1 InactiveLoad=sip88xx.12-8-1 Last=Reset-Restart\"\r\n");
  EXPECT_EQ(first_line(peer.ask(text)), "SIP/2.0 200 OK");
  const auto kept = report([](const auto& one) { return one.reported_at.has_value(); });
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->cause, 23);
  EXPECT_EQ(kept->last_reason, "Reset-Restart");
  EXPECT_EQ(kept->active_load, "sip88xx.14-1-1");
  EXPECT_EQ(kept->inactive_load, "sip88xx.12-8-1");
  EXPECT_EQ(kept->address, "127.0.0.1");
}

TEST_F(RealPhonesTest, TheAlarmOfAReferIsKeptWithTheListThatThePhoneHolds) {
  SipPeer peer(Transport::tcp, instance_.port());
  const std::string body =
      "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\r\n<x-cisco-alarm>\r\n"
      "<Alarm Name=\"LastOutOfServiceInformation\"><ParameterList>"
      "<String name=\"DeviceName\">" +
      kPhone + "</String><Enum name=\"ReasonForOutOfService\">22</Enum><String name=\"ITLHash\">" +
      kItl + "</String><String name=\"TrustStatus\">Trust List update failed</String>" +
      "</ParameterList></Alarm></x-cisco-alarm>\r\n";
  std::string text = register_text({.device = kPhone}, peer);
  for (std::size_t at = 0; (at = text.find("REGISTER", at)) != std::string::npos;)
    text.replace(at, 8, "REFER");
  text.replace(text.find("Content-Length: 0\r\n\r\n"), 21,
               fmt::format("Refer-To: <cid:1234>\r\nContent-Type: application/x-cisco-alarm+xml\r\n"
                           "Content-Length: {}\r\n\r\n{}",
                           body.size(), body));
  const std::string reply = peer.ask(text);
  EXPECT_EQ(first_line(reply), "SIP/2.0 202 Accepted");
  EXPECT_NE(header(reply, "Date"), "");
  const auto unproven = report([](const auto& one) { return one.other.at.has_value(); });
  ASSERT_TRUE(unproven) << "anybody could have sent it";
  EXPECT_EQ(unproven->other.address, "127.0.0.1");
  EXPECT_EQ(unproven->other.cause, 22);
  EXPECT_EQ(unproven->reported_at, std::nullopt);
  EXPECT_EQ(first_line(peer.ask(register_text({.device = kPhone}, peer))), "SIP/2.0 200 OK");
  const auto kept = report([](const auto& one) { return one.reported_at.has_value(); });
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->alarm, "LastOutOfServiceInformation");
  EXPECT_EQ(kept->cause, 22);
  core::Database database(instance_.state() / "db/callmanager.db", core::Schema::callmanager,
                          core::Access::read_only);
  const core::TrustSignStore store(database);
  std::vector<core::TrustSign> signs;
  ASSERT_TRUE(test::eventually([&] {
    signs = store.of(kPhone);
    return signs.size() == 3;
  }));
  EXPECT_EQ(std::erase_if(signs,
                          [](const core::TrustSign& sign) {
                            return sign.kind == core::TrustSignKind::registered &&
                                   sign.peer == "127.0.0.1";
                          }),
            1U);
  EXPECT_EQ(signs[0].kind, core::TrustSignKind::itl_reported);
  EXPECT_EQ(signs[0].subject, kItl);
  EXPECT_EQ(signs[0].peer, "127.0.0.1");
  EXPECT_EQ(signs[1].kind, core::TrustSignKind::itl_refused);
  EXPECT_EQ(signs[1].detail, "TrustStatus: Trust List update failed");
}

std::string refer_text(SipPeer& peer, const std::string& body) {
  std::string text = register_text({.device = kPhone}, peer);
  for (std::size_t at = 0; (at = text.find("REGISTER", at)) != std::string::npos;)
    text.replace(at, 8, "REFER");
  text.replace(text.find("Content-Length: 0\r\n\r\n"), 21,
               fmt::format("Content-Type: application/x-cisco-alarm+xml\r\nContent-Length: {}\r\n"
                           "\r\n{}",
                           body.size(), body));
  return text;
}

TEST_F(RealPhonesTest, NobodySpeaksForAPhoneThatIsRegisteredFromElsewhere) {
  SipPeer phone(Transport::udp, instance_.port());
  phone.ask(register_text({.device = kPhone}, phone));
  SipPeer stranger(Transport::udp, instance_.port(), "127.0.0.9");
  const std::string text = refer_text(
      stranger, "<a><S name=\"DeviceName\">" + kPhone + "</S><S name=\"Last\">forged</S></a>");
  EXPECT_EQ(first_line(stranger.ask(text)), "SIP/2.0 202 Accepted");
  EXPECT_EQ(instance_.times_logged("ALARM_UNPROVEN"), 1);
  const auto kept = report([](const auto& one) { return one.other.at.has_value(); });
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->other.address, "127.0.0.9");
  EXPECT_EQ(kept->other.reason, "forged");
  EXPECT_EQ(kept->last_reason, "");
  EXPECT_EQ(kept->reported_at, std::nullopt);
}

// A restart is a new Call-ID, often after the phone has unregistered.
TEST_F(RealPhonesTest, APhoneThatStartsAnewSpeaksForItselfThoughAStrangerHasRegistered) {
  SipPeer phone(Transport::udp, instance_.port());
  phone.ask(register_text({.device = kPhone}, phone));
  SipPeer stranger(Transport::udp, instance_.port(), "127.0.0.9");
  stranger.ask(register_text({.device = kPhone, .call_id = "bad@host"}, stranger));
  phone.ask(register_text({.device = kPhone, .call_id = "2@phone"}, phone));
  const auto body = [](const std::string& last) {
    return "<a><S name=\"DeviceName\">" + kPhone + "</S><S name=\"Last\">" + last +
           "</S><S name=\"ITLHash\">" + kItl + "</S></a>";
  };
  stranger.ask(refer_text(stranger, body("forged")));
  stranger.answer(stranger.receive().value_or(""), 200, "OK");
  phone.ask(refer_text(phone, body("own")));
  phone.answer(phone.receive().value_or(""), 200, "OK");
  const auto kept = report([](const auto& one) { return one.last_reason != ""; });
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->last_reason, "own");
  EXPECT_EQ(kept->other.reason, "forged");
  core::Database database(instance_.state() / "db/callmanager.db", core::Schema::callmanager,
                          core::Access::read_only);
  std::set<std::string> peers;
  EXPECT_TRUE(test::eventually([&] {
    for (const core::TrustSign& sign : core::TrustSignStore(database).of(kPhone))
      if (sign.kind == core::TrustSignKind::itl_reported) peers.insert(sign.peer);
    return peers.size() == 2;
  })) << "each is written with where it came from";
}

TEST_F(RealPhonesTest, APhoneThatComesFromAnotherAddressIsLogged) {
  SipPeer before(Transport::udp, instance_.port());
  before.ask(register_text({.device = kPhone}, before));
  SipPeer after(Transport::udp, instance_.port(), "127.0.0.9");
  after.ask(register_text({.device = kPhone, .call_id = "2@phone"}, after));
  const auto kept = report([](const auto& one) { return one.address == "127.0.0.9"; });
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->previous_address, "127.0.0.1");
  EXPECT_TRUE(kept->moved_at.has_value());
  EXPECT_EQ(instance_.times_logged("PHONE_MOVED"), 1);
}

TEST_F(RealPhonesTest, APhoneThatLeavesANotifyUnansweredIsNotAnsweringUntilItSpeaks) {
  SipPeer phone(Transport::udp, instance_.port());
  phone.ask(register_text({.device = kPhone}, phone));
  instance_.reset(1, "reset", {kPhone});
  const auto silent =
      instance_.registrations([](const auto& all) { return !all.empty() && !all[0].answers(); });
  ASSERT_EQ(silent.size(), 1U);
  EXPECT_FALSE(silent[0].answers());
  const auto resets = instance_.resets(1, [](const auto& all) { return !all.empty(); });
  ASSERT_EQ(resets.size(), 1U);
  EXPECT_EQ(resets[0].status, 0) << "from the first repetition on, not only when it is given up";
  EXPECT_EQ(instance_.call("status").at("not_answering").as_int64(), 1);
  while (phone.receive(0)) {
  }
  phone.ask(register_text({.device = kPhone, .cseq = 102}, phone));
  const auto back =
      instance_.registrations([](const auto& all) { return !all.empty() && all[0].answers(); });
  ASSERT_EQ(back.size(), 1U);
  EXPECT_TRUE(back[0].answers());
}

TEST_F(RealPhonesTest, TheRegistrarSaysWhenItStopped) {
  const auto run = [this] {
    core::Database database(instance_.state() / "db/callmanager.db", core::Schema::callmanager,
                            core::Access::read_only);
    return core::RegistrationStore(database).registrar();
  };
  ASSERT_TRUE(run().has_value());
  EXPECT_FALSE(run()->stopped.has_value());
  instance_.stop();
  EXPECT_TRUE(run()->stopped.has_value());
  instance_.start();
  EXPECT_FALSE(run()->stopped.has_value());
}

// Another stack registers from one port, and takes our NOTIFY at the port its Contact names.
TEST_F(RealPhonesTest, SippIsResetWhereItsContactSaysThatItListens) {
  if (std::system("command -v sipp >/dev/null") != 0) GTEST_SKIP() << "sipp is not installed";
  const std::uint16_t listening = RawUdp().port();
  core::write_atomically(instance_.state() / "listens.xml", core::bytes_of(R"(<?xml version="1.0"?>
<scenario name="listens">
  <recv request="NOTIFY"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
)"));
  std::string registers = R"(<?xml version="1.0"?>
<scenario name="registers">
  <send retrans="500"><![CDATA[
REGISTER sip:[remote_ip] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:6001@[remote_ip]>;tag=[call_number]
To: <sip:6001@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 REGISTER
Max-Forwards: 70
Contact: <sip:6001@[local_ip]:LISTENING>;+u.sip!devicename.ccm.cisco.com="SEP001122334455"
Expires: 120
Content-Length: 0

]]></send>
  <recv response="200"/>
</scenario>
)";
  registers.replace(registers.find("LISTENING"), 9, std::to_string(listening));
  core::write_atomically(instance_.state() / "registers.xml", core::bytes_of(registers));
  const auto sipp = [&](const std::string& scenario, const std::string& more) {
    const std::string command = fmt::format(
        "cd {} && sipp 127.0.0.1:{} -i 127.0.0.1 -t u1 -sf {}.xml -m 1 {} -nostdin -timeout 30"
        " -timeout_error >{}.out 2>&1 </dev/null",
        instance_.state().string(), instance_.port(), scenario, more, scenario);
    return std::system(command.c_str());
  };
  auto obeyed = std::async(std::launch::async,
                           [&] { return sipp("listens", fmt::format("-p {}", listening)); });
  EXPECT_EQ(sipp("registers", ""), 0);
  ASSERT_EQ(instance_.registrations([](const auto& all) { return !all.empty(); }).size(), 1U);
  instance_.reset(1, "reset", {kPhone});  // is sent again when sipp is not up yet
  EXPECT_EQ(obeyed.get(), 0) << core::text_of(
      core::read_file(instance_.state() / "listens.out", 1U << 20U));
  EXPECT_EQ(instance_.resets(1, [](const auto& all) { return !all.empty() && all[0].status != 0; })
                .at(0)
                .status,
            200);
}

}  // namespace
}  // namespace ringfence::test

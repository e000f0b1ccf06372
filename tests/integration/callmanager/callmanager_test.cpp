// The real daemon, spoken to in raw SIP text over UDP and TCP.
#include <cstdlib>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "core/base/error.h"
#include "core/phones/phone_store.h"
#include "tests/integration/callmanager/callmanager_fixture.h"

namespace ringfence::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

class OverBoth : public CallManagerTest, public testing::WithParamInterface<Transport> {};

INSTANTIATE_TEST_SUITE_P(, OverBoth, testing::Values(Transport::udp, Transport::tcp),
                         [](const auto& test) {
                           return test.param == Transport::udp ? "Udp" : "Tcp";
                         });

TEST_P(OverBoth, RegistersAndKeepsWhatAResetNeeds) {
  SipPeer peer(GetParam(), instance_.port());
  const std::string reply = peer.ask(register_text({.device = kPhone}, peer));
  EXPECT_EQ(first_line(reply), "SIP/2.0 200 OK");
  EXPECT_EQ(header(reply, "Expires"), "120");
  EXPECT_EQ(
      header(reply, "Contact"),
      fmt::format("<sip:6001@127.0.0.1:{};transport={}>;expires=120", peer.port(), peer.name()));
  const auto rows = instance_.registrations([](const auto& all) { return !all.empty(); });
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].device, kPhone);
  EXPECT_EQ(rows[0].contact_user, "6001");
  EXPECT_EQ(rows[0].call_id, "0011-2233@phone");
  EXPECT_EQ(rows[0].transport, GetParam() == Transport::udp ? "udp" : "tcp");
  EXPECT_EQ(rows[0].peer, fmt::format("127.0.0.1:{}", peer.port()));
  EXPECT_EQ(rows[0].user_agent, "Cisco-CP8861/14.1.1");
  EXPECT_EQ(rows[0].expires_at - rows[0].refreshed_at, std::chrono::seconds(125));
  EXPECT_EQ(registered(), 1);
}

TEST_P(OverBoth, UnregistersAContact) {
  SipPeer peer(GetParam(), instance_.port());
  peer.ask(register_text({.device = kPhone}, peer));
  instance_.registrations([](const auto& all) { return !all.empty(); });
  const std::string reply =
      peer.ask(register_text({.device = kPhone, .cseq = 102, .expires = "0"}, peer));
  EXPECT_EQ(first_line(reply), "SIP/2.0 200 OK");
  EXPECT_EQ(header(reply, "Contact"), "");
  EXPECT_TRUE(instance_.registrations([](const auto& all) { return all.empty(); }).empty());
  EXPECT_EQ(registered(), 0);
}

TEST_P(OverBoth, ResetsOverTheWayThePhoneCame) {
  SipPeer peer(GetParam(), instance_.port());
  peer.ask(register_text({.device = kPhone, .call_id = "first@phone"}, peer));
  peer.ask(register_text({.device = kPhone, .call_id = "second@phone"}, peer));

  const boost::json::object asked = instance_.reset(7, "reset", {kPhone, kPhone, kOther});
  EXPECT_EQ(asked.at("asked").as_int64(), 1);
  EXPECT_EQ(asked.at("unknown").as_array(), boost::json::array{kOther});

  const std::string notify = peer.receive().value_or("");
  const std::string target = fmt::format("sip:6001@127.0.0.1:{}{}", peer.port(),
                                         GetParam() == Transport::udp ? "" : ";transport=tcp");
  EXPECT_EQ(first_line(notify), "NOTIFY " + target + " SIP/2.0");
  EXPECT_EQ(header(notify, "Event"), "service-control");
  EXPECT_EQ(header(notify, "Subscription-State"), "active");
  EXPECT_EQ(header(notify, "Content-Type"), "text/plain");
  EXPECT_EQ(header(notify, "To"), "<" + target + ">");
  EXPECT_THAT(header(notify, "From"),
              MatchesRegex(fmt::format("<sip:127.0.0.1:{}>;tag=.+", instance_.port())));
  EXPECT_EQ(body(notify), "action=reset\r\nRegisterCallId={second@phone}\r\n");
  peer.answer(notify, 200, "OK");

  const auto rows = instance_.resets(7, answered);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].device, kPhone);
  EXPECT_EQ(rows[0].kind, "reset");
  EXPECT_EQ(rows[0].status, 200);
  EXPECT_TRUE(rows[0].answered_at.has_value());
}

TEST_P(OverBoth, RecordsARefusal) {
  SipPeer peer(GetParam(), instance_.port());
  peer.ask(register_text({.device = kPhone}, peer));
  instance_.reset(8, "restart", {kPhone});
  const std::string notify = peer.receive().value_or("");
  EXPECT_THAT(body(notify), StartsWith("action=restart\r\n"));
  peer.answer(notify, 404, "Not Found");
  const auto rows = instance_.resets(8, answered);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].status, 404);
}

TEST_P(OverBoth, RecordsSilenceAs408) {
  SipPeer peer(GetParam(), instance_.port());
  peer.ask(register_text({.device = kPhone}, peer));
  instance_.reset(9, "reset", {kPhone});
  const auto rows = instance_.resets(9, answered);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].status, 408);
}

TEST_P(OverBoth, AnUnknownDeviceIsNotFound) {
  SipPeer peer(GetParam(), instance_.port());
  const std::string reply = peer.ask(register_text({.device = "SEP999999999999"}, peer));
  EXPECT_THAT(first_line(reply), StartsWith("SIP/2.0 404 "));
  EXPECT_EQ(registered(), 0);
}

TEST_F(CallManagerTest, AppliesConfigurationWithThePhonesStamp) {
  SipPeer peer(Transport::udp, instance_.port());
  peer.ask(register_text({.device = kPhone}, peer));
  core::Database admin(instance_.state() / "db/admin.db", core::Schema::admin,
                       core::Access::read_only);
  const std::string stamp = core::PhoneStore(admin).find(kPhone).value().config_stamp;
  EXPECT_EQ(stamp.size(), 36U);
  instance_.reset(1, "apply-config", {kPhone});
  const std::string notify = peer.receive().value_or("");
  EXPECT_THAT(body(notify), StartsWith("action=apply-config\r\nRegisterCallId={0011-2233@phone}\r\n"
                                       "ConfigVersionStamp={" +
                                       stamp + "}\r\n"));
  peer.answer(notify, 200, "OK");
  EXPECT_EQ(instance_.resets(1, answered).at(0).status, 200);
}

TEST_F(CallManagerTest, APhoneThatWasJustAddedRegistersAtOnce) {
  SipPeer peer(Transport::udp, instance_.port());
  instance_.add({"SEPAABBCCDDEEFF"});
  const std::string reply = peer.ask(register_text({.device = "SEPAABBCCDDEEFF"}, peer));
  EXPECT_EQ(first_line(reply), "SIP/2.0 200 OK");
}

TEST_F(CallManagerTest, APhoneThatWasRemovedIsForgottenOnReload) {
  SipPeer peer(Transport::udp, instance_.port());
  peer.ask(register_text({.device = kPhone}, peer));
  instance_.remove(kPhone);
  EXPECT_EQ(instance_.call("reload").at("devices").as_int64(), 2);
  EXPECT_EQ(registered(), 0);
  EXPECT_THAT(first_line(peer.ask(register_text({.device = kPhone, .cseq = 102}, peer))),
              StartsWith("SIP/2.0 404 "));
}

TEST_F(CallManagerTest, StarUnregistersEveryContact) {
  SipPeer peer(Transport::udp, instance_.port());
  peer.ask(register_text({.device = kPhone, .user = kPhone}, peer));
  EXPECT_EQ(registered(), 1);
  const std::string reply = peer.ask(register_text(
      {.device = kPhone, .user = kPhone, .cseq = 102, .expires = "0", .contact = "*"}, peer));
  EXPECT_EQ(first_line(reply), "SIP/2.0 200 OK");
  EXPECT_EQ(registered(), 0);
}

TEST_F(CallManagerTest, BoundsWhatIsAskedFor) {
  SipPeer peer(Transport::udp, instance_.port());
  EXPECT_EQ(header(peer.ask(register_text({.device = kPhone, .cseq = 1, .expires = "5"}, peer)),
                   "Expires"),
            "60");
  EXPECT_EQ(header(peer.ask(register_text({.device = kPhone, .cseq = 2, .expires = "86400"}, peer)),
                   "Expires"),
            "120");
  EXPECT_EQ(header(peer.ask(register_text({.device = kPhone, .cseq = 3, .expires = ""}, peer)),
                   "Expires"),
            "120");
}

TEST_F(CallManagerTest, FindsTheDeviceByTheMacAddressOfItsInstance) {
  SipPeer peer(Transport::udp, instance_.port());
  const std::string contact = fmt::format(
      "<sip:6001@127.0.0.1:{}>;+sip.instance=\"<urn:uuid:00000000-0000-0000-0000-001122334455>\"",
      peer.port());
  EXPECT_EQ(first_line(peer.ask(register_text({.device = "", .contact = contact}, peer))),
            "SIP/2.0 200 OK");
  EXPECT_EQ(instance_.registrations([](const auto& all) { return !all.empty(); }).at(0).device,
            kPhone);
}

TEST_F(CallManagerTest, RefusesNonsenseWithItsReason) {
  SipPeer peer(Transport::udp, instance_.port());
  EXPECT_EQ(first_line(peer.ask(
                register_text({.device = kPhone, .contact = "<sip:127.0.0.1:5060>"}, peer))),
            "SIP/2.0 400 a contact must have a user part");
  EXPECT_EQ(first_line(peer.ask(register_text({.device = kPhone, .contact = "*"}, peer))),
            "SIP/2.0 400 the contact '*' needs Expires: 0");
  EXPECT_EQ(first_line(peer.ask(
                register_text({.device = kPhone, .call_id = std::string(300, 'a')}, peer))),
            "SIP/2.0 400 a Call-ID must be 1 to 256 printable characters");
  EXPECT_EQ(registered(), 0);
}

TEST_F(CallManagerTest, AnswersOtherMethodsWithWhatItAllows) {
  SipPeer peer(Transport::udp, instance_.port());
  const auto with_method = [&](const std::string& method) {
    std::string text = register_text({.device = kPhone}, peer);
    for (std::size_t at = 0; (at = text.find("REGISTER", at)) != std::string::npos;)
      text.replace(at, 8, method);
    return text;
  };
  const std::string options = peer.ask(with_method("OPTIONS"));
  EXPECT_EQ(first_line(options), "SIP/2.0 200 OK");
  EXPECT_EQ(header(options, "Allow"), "REGISTER, OPTIONS, REFER, PUBLISH");
  const std::string invite = peer.ask(with_method("INVITE"));
  EXPECT_EQ(first_line(invite), "SIP/2.0 405 Method Not Allowed");
  EXPECT_EQ(header(invite, "Allow"), "REGISTER, OPTIONS, REFER, PUBLISH");
  EXPECT_EQ(first_line(peer.ask(with_method("PUBLISH"))), "SIP/2.0 200 OK");
  EXPECT_EQ(first_line(peer.ask(with_method("REFER"))), "SIP/2.0 202 Accepted");
  EXPECT_EQ(first_line(peer.ask(with_method("BYE"))),
            "SIP/2.0 481 Call/Transaction Does Not Exist");
}

TEST_F(CallManagerTest, DropsARegistrationWhoseTimeHasCome) {
  EXPECT_EQ(instance_.stop(), 0);
  {
    core::Database database(instance_.state() / "db/callmanager.db", core::Schema::callmanager,
                            core::Access::read_write);
    const core::Time now = core::SystemClock().now();
    core::RegistrationStore(database).save({.device = kPhone,
                                            .contact = "sip:6001@127.0.0.1:9",
                                            .contact_user = "6001",
                                            .call_id = "a@b",
                                            .transport = "udp",
                                            .peer = "127.0.0.1:9",
                                            .user_agent = "",
                                            .registered_at = now,
                                            .refreshed_at = now,
                                            .expires_at = now + std::chrono::seconds(3)});
  }
  instance_.start();
  EXPECT_EQ(registered(), 1);
  EXPECT_TRUE(instance_.registrations([](const auto& all) { return all.empty(); }).empty());
  EXPECT_EQ(registered(), 0);
}

TEST_F(CallManagerTest, TwoLinesOfAPhoneAreBothAskedAndOneYesCounts) {
  SipPeer first(Transport::udp, instance_.port());
  SipPeer second(Transport::udp, instance_.port());
  first.ask(register_text({.device = kPhone, .user = "6001", .call_id = "1@phone"}, first));
  second.ask(register_text({.device = kPhone, .user = "6002", .call_id = "2@phone"}, second));
  EXPECT_EQ(instance_.reset(4, "reset", {kPhone}).at("asked").as_int64(), 1);
  const std::string to_second = second.receive().value_or("");
  EXPECT_THAT(to_second, HasSubstr("RegisterCallId={2@phone}"));
  second.answer(to_second, 404, "Not Found");
  const std::string to_first = first.receive().value_or("");
  EXPECT_THAT(to_first, HasSubstr("RegisterCallId={1@phone}"));
  first.answer(to_first, 200, "OK");
  EXPECT_EQ(instance_.resets(4, answered).at(0).status, 200);
}

TEST_F(CallManagerTest, SaysUnavailableUntilThePhonesCanBeRead) {
  EXPECT_EQ(instance_.stop(), 0);
  const std::filesystem::path file = instance_.state() / "db/admin.db";
  std::filesystem::rename(file, instance_.state() / "admin.db");
  instance_.start();
  SipPeer peer(Transport::udp, instance_.port());
  const std::string reply = peer.ask(register_text({.device = kPhone, .cseq = 1}, peer));
  EXPECT_EQ(first_line(reply), "SIP/2.0 503 the device list cannot be read");
  EXPECT_EQ(header(reply, "Retry-After"), "5");
  std::filesystem::rename(instance_.state() / "admin.db", file);
  EXPECT_EQ(first_line(peer.ask(register_text({.device = kPhone, .cseq = 2}, peer))),
            "SIP/2.0 200 OK");
}

TEST_F(CallManagerTest, SilentConnectionsHinderNobody) {
  std::vector<std::unique_ptr<SipPeer>> silent;
  for (int i = 0; i < 200; ++i)
    silent.push_back(std::make_unique<SipPeer>(Transport::tcp, instance_.port()));
  SipPeer good(Transport::tcp, instance_.port());
  EXPECT_EQ(first_line(good.ask(register_text({.device = kPhone}, good))), "SIP/2.0 200 OK");
}

TEST_F(CallManagerTest, RegistersAndResetsFiveHundredPhonesAFewAtATime) {
  std::vector<std::string> devices;
  for (int i = 0; i < 500; ++i) devices.push_back(fmt::format("SEP00AA{:08X}", i));
  instance_.add(devices);
  SipPeer peer(Transport::udp, instance_.port());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const std::string reply = peer.ask(register_text({.device = devices[i],
                                                      .user = std::to_string(1000 + i),
                                                      .call_id = fmt::format("{}@phone", i)},
                                                     peer));
    ASSERT_EQ(first_line(reply), "SIP/2.0 200 OK") << devices[i];
  }
  EXPECT_EQ(registered(), 500);
  EXPECT_EQ(instance_.reset(11, "reset", devices).at("asked").as_int64(), 500);
  const boost::json::object status = instance_.call("status");
  EXPECT_LE(status.at("resets_unanswered").as_int64(), 200);
  EXPECT_GE(status.at("resets_waiting").as_int64(), 300);

  std::set<std::string> asked;
  while (asked.size() < devices.size()) {
    const auto notify = peer.receive();
    ASSERT_TRUE(notify.has_value()) << asked.size() << " were asked";
    const std::string user = first_line(*notify).substr(11, 4);
    EXPECT_THAT(body(*notify),
                HasSubstr(fmt::format("RegisterCallId={{{}@phone}}", std::stoi(user) - 1000)));
    asked.insert(user);
    peer.answer(*notify, 200, "OK");
  }
  const auto rows = instance_.resets(11, [](const Instance::Resets& resets) {
    return resets.size() == 500 && std::all_of(resets.begin(), resets.end(),
                                               [](const auto& row) { return row.status != 0; });
  });
  ASSERT_EQ(rows.size(), 500U);
  for (const core::ResetRow& row : rows) EXPECT_EQ(row.status, 200) << row.device;
}

// Another SIP stack's opinion of our answers: sipp registers and unregisters.
class WithSipp : public CallManagerTest, public testing::WithParamInterface<Transport> {};

INSTANTIATE_TEST_SUITE_P(, WithSipp, testing::Values(Transport::udp, Transport::tcp),
                         [](const auto& test) {
                           return test.param == Transport::udp ? "Udp" : "Tcp";
                         });

TEST_P(WithSipp, TwentyPhonesRegisterAndUnregister) {
  if (std::system("command -v sipp >/dev/null") != 0) GTEST_SKIP() << "sipp is not installed";
  std::vector<std::string> devices;
  std::string rows = "SEQUENTIAL\n";
  for (int i = 0; i < 20; ++i) {
    devices.push_back(fmt::format("SEP00BB{:08X}", i));
    rows += fmt::format("{};{}\n", 2000 + i, devices.back());
  }
  instance_.add(devices);
  const std::string registration = R"(
  <send retrans="500"><![CDATA[
REGISTER sip:[remote_ip] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[remote_ip]>;tag=[call_number]
To: <sip:[field0]@[remote_ip]>
Call-ID: [call_id]
CSeq: SEQUENCE REGISTER
Max-Forwards: 70
Contact: <sip:[field0]@[local_ip]:[local_port]>;+u.sip!devicename.ccm.cisco.com="[field1]"
Expires: LIFETIME
Content-Length: 0

]]></send>
  <recv response="200"/>)";
  const auto with = [&](const std::string& sequence, const std::string& lifetime) {
    std::string text = registration;
    text.replace(text.find("SEQUENCE"), 8, sequence);
    text.replace(text.find("LIFETIME"), 8, lifetime);
    return text;
  };
  core::write_atomically(instance_.state() / "scenario.xml",
                         core::bytes_of("<?xml version=\"1.0\"?>\n<scenario name=\"register\">" +
                                        with("1", "120") + with("2", "0") + "</scenario>\n"));
  core::write_atomically(instance_.state() / "phones.csv", core::bytes_of(rows));
  const std::string command = fmt::format(
      "cd {} && sipp 127.0.0.1:{} -i 127.0.0.1 -t {} -sf scenario.xml -inf phones.csv -m 20 -r 20"
      " -nostdin -timeout 30 -timeout_error >sipp.out 2>&1 </dev/null",
      instance_.state().string(), instance_.port(), GetParam() == Transport::udp ? "u1" : "t1");
  EXPECT_EQ(std::system(command.c_str()), 0)
      << core::text_of(core::read_file(instance_.state() / "sipp.out", 1U << 20U));
  EXPECT_TRUE(instance_.registrations([](const auto& all) { return all.empty(); }).empty());
  EXPECT_EQ(registered(), 0);
}

TEST_F(CallManagerTest, ASecondDaemonOnTheSameFolderIsRefused) {
  std::string error;
  EXPECT_EQ(instance_.run_again(error), 1);
  EXPECT_THAT(error, HasSubstr("another ringfence-callmanager runs on "));
}

TEST_F(CallManagerTest, TheControlSocketRefusesWhatCannotBe) {
  const auto code_of = [&](const std::string& method, const boost::json::object& params) {
    try {
      instance_.call(method, params);
    } catch (const core::Error& error) {
      return std::string(core::name(error.code())) + ": " + error.what();
    }
    return std::string("accepted");
  };
  EXPECT_EQ(code_of("sing", {}), "not_found: no method sing; there are status, reload and reset");
  EXPECT_EQ(code_of("reset", {}), "malformed: reset needs id, kind and devices; id is absent");
  boost::json::object params;
  params["id"] = 1;
  params["kind"] = "explode";
  params["devices"] = boost::json::array();
  EXPECT_EQ(code_of("reset", params), "malformed: kind must be reset, restart or apply-config");
  params["kind"] = "reset";
  params["devices"] = "SEP";
  EXPECT_EQ(code_of("reset", params), "malformed: devices must be an array of names");
}

}  // namespace
}  // namespace ringfence::test

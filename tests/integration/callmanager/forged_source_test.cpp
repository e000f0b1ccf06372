// What a datagram with a forged source can say for a phone, and what it cannot.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/phones/trust_sign.h"
#include "tests/integration/callmanager/instance.h"
#include "tests/integration/callmanager/sip_peer.h"
#include "tests/support/eventually.h"

namespace ringfence::test {
namespace {

using testing::StartsWith;
using Transport = SipPeer::Transport;

const std::string kPhone = "SEP001122334455";
const std::string kItl = "0123456789abcdef0123456789abcdef01234567";
const std::string kForged(40, 'a');

class ForgedSourceTest : public testing::Test {
 protected:
  void SetUp() override { instance_.start(); }

  void TearDown() override {
    EXPECT_TRUE(instance_.alive());
    EXPECT_EQ(instance_.stop(), 0);
  }

  /// alarm is a REFER, or a REGISTER, that says which list the phone holds.
  static std::string alarm(const SipPeer& peer, const std::string& itl,
                           const std::string& method = "REFER") {
    const std::string body =
        "<x-cisco-alarm><Alarm Name=\"LastOutOfServiceInformation\"><ParameterList>"
        "<String name=\"DeviceName\">" +
        kPhone + "</String><String name=\"ITLHash\">" + itl +
        "</String></ParameterList></Alarm></x-cisco-alarm>\r\n";
    std::string text = register_text({.device = kPhone}, peer);
    for (std::size_t at = 0; (at = text.find("REGISTER", at)) != std::string::npos; ++at)
      text.replace(at, 8, method);
    text.replace(text.find("Content-Length: 0\r\n\r\n"), 21,
                 fmt::format("Refer-To: <cid:1>\r\nContent-Type: application/x-cisco-alarm+xml\r\n"
                             "Content-Length: {}\r\n\r\n{}",
                             body.size(), body));
    return text;
  }

  /// reported waits for the lists that the phone is known to have said it holds.
  std::vector<std::string> reported() {
    core::Database database(instance_.state() / "db/callmanager.db", core::Schema::callmanager,
                            core::Access::read_only);
    const core::TrustSignStore store(database);
    std::vector<std::string> found;
    test::eventually([&] {
      found.clear();
      for (const core::TrustSign& sign : store.of(kPhone))
        if (sign.kind == core::TrustSignKind::itl_reported) found.push_back(sign.subject);
      return !found.empty();
    });
    return found;
  }

  Instance instance_{{kPhone}};
};

// Who sent an alarm hears the question and knows it for his.
TEST_F(ForgedSourceTest, AListInADatagramCountsWhenItsSenderAnswersTheQuestion) {
  SipPeer phone(Transport::udp, instance_.port());
  phone.ask(register_text({.device = kPhone}, phone));
  for (const auto& [status, itl] : {std::pair(481, kForged), std::pair(200, kItl)}) {
    const std::string refer = alarm(phone, itl);
    EXPECT_EQ(first_line(phone.ask(refer)), "SIP/2.0 202 Accepted");
    const std::string question = phone.receive().value_or("");
    EXPECT_THAT(question, StartsWith("OPTIONS sip:6001@127.0.0.1:"));
    EXPECT_EQ(header(question, "Call-ID"), header(refer, "Call-ID"));
    EXPECT_EQ(header(question, "To"), header(refer, "From"));
    EXPECT_LE(question.size(), refer.size());
    phone.answer(question, status, "Said");
  }
  EXPECT_EQ(reported(), std::vector<std::string>{kItl}) << "not the one that was denied";
  EXPECT_EQ(instance_.times_logged("ALARM_DENIED"), 1);
}

// The question must not come where who registers waits for the answer.
TEST_F(ForgedSourceTest, TheAnswerToARegisterComesBeforeTheQuestion) {
  SipPeer phone(Transport::udp, instance_.port());
  const std::string text = alarm(phone, kItl, "REGISTER");
  EXPECT_EQ(first_line(phone.ask(text)), "SIP/2.0 200 OK");
  const std::string question = phone.receive().value_or("");
  EXPECT_THAT(question, StartsWith("OPTIONS "));
  phone.answer(question, 405, "Method Not Allowed");
  EXPECT_EQ(reported(), std::vector<std::string>{kItl});
}

// Many clients have no ear for OPTIONS: nobody denied what they said.
TEST_F(ForgedSourceTest, AListInADatagramCountsWhenNobodyDeniesIt) {
  SipPeer phone(Transport::udp, instance_.port());
  phone.ask(register_text({.device = kPhone}, phone));
  EXPECT_EQ(first_line(phone.ask(alarm(phone, kItl))), "SIP/2.0 202 Accepted");
  EXPECT_EQ(reported(), std::vector<std::string>{kItl});
}

// An OPTIONS without a tag is a question to anybody, which an innocent phone answers.
TEST_F(ForgedSourceTest, AListInADatagramWithoutATagProvesNothing) {
  SipPeer phone(Transport::udp, instance_.port());
  phone.ask(register_text({.device = kPhone}, phone));
  std::string refer = alarm(phone, kForged);
  const std::size_t from = refer.find("From:");
  const std::size_t tag = refer.find(";tag=", from);
  refer.erase(tag, refer.find("\r\n", tag) - tag);
  EXPECT_EQ(first_line(phone.ask(refer)), "SIP/2.0 202 Accepted");
  EXPECT_EQ(first_line(phone.ask(alarm(phone, kItl))), "SIP/2.0 202 Accepted");
  EXPECT_EQ(reported(), std::vector<std::string>{kItl}) << "the later one alone";
  EXPECT_EQ(instance_.times_logged("ALARM_UNPROVEN"), 1);
}

TEST_F(ForgedSourceTest, ADatagramSaysNothingForAPhoneThatIsConnected) {
  SipPeer phone(Transport::tcp, instance_.port());
  phone.ask(register_text({.device = kPhone, .user = kPhone}, phone));
  SipPeer forger(Transport::udp, instance_.port());  // at the phone's address
  EXPECT_EQ(first_line(forger.ask(alarm(forger, kForged))), "SIP/2.0 202 Accepted");
  const std::string every = register_text(
      {.device = kPhone, .user = kPhone, .call_id = "2@forged", .expires = "0", .contact = "*"},
      forger);
  EXPECT_EQ(first_line(forger.ask(every)),
            "SIP/2.0 503 this phone is registered over TCP from this address");
  EXPECT_EQ(instance_.call("status").at("registered").as_int64(), 1);
  EXPECT_EQ(first_line(phone.ask(alarm(phone, kItl))), "SIP/2.0 202 Accepted");
  EXPECT_EQ(reported(), std::vector<std::string>{kItl});
  instance_.reset(1, "reset", {kPhone});
  EXPECT_THAT(phone.receive().value_or(""), StartsWith("NOTIFY "));
}

}  // namespace
}  // namespace ringfence::test

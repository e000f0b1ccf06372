#include "services/callmanager/sip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringfence::services::callmanager {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Kind = SipMessage::Kind;

std::string request(const std::string& via, const std::string& more = "",
                    const std::string& body = "") {
  return "REGISTER sip:192.0.2.1 SIP/2.0\r\nVia: " + via +
         "\r\nFrom: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:a@192.0.2.1>\r\nCall-ID: c@h\r\n"
         "CSeq: 7 REGISTER\r\nMax-Forwards: 70\r\n" +
         more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(SipMessage, AnswersWithWhatTheRequestSaid) {
  const SipMessage message(request("SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bKx"));
  ASSERT_EQ(message.kind(), Kind::request);
  EXPECT_EQ(message.method(), "REGISTER");
  const std::string answer = message.answer(200, "OK", "10.0.0.7:5060", "X: y\r\n");
  EXPECT_THAT(answer, StartsWith("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP "
                                 "10.0.0.7:5060;branch=z9hG4bKx\r\nFrom: "
                                 "<sip:a@192.0.2.1>;tag=1\r\nTo: <sip:a@192.0.2.1>;tag="));
  EXPECT_THAT(answer, HasSubstr("\r\nCall-ID: c@h\r\nCSeq: 7 REGISTER\r\nX: y\r\n"
                                "Content-Length: 0\r\n\r\n"));
}

TEST(SipMessage, AnswersARequestThatComesAgainAlike) {
  const std::string text = request("SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bKx");
  const std::string other = request("SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bKy");
  const auto answer = [](const std::string& what) {
    return SipMessage(what).answer(404, "no", "10.0.0.7:5060");
  };
  EXPECT_EQ(answer(text), answer(text));
  EXPECT_NE(answer(text), answer(other));
}

TEST(SipMessage, SaysInTheViaWhereTheRequestCameFrom) {
  const auto via = [](const std::string& asked, const std::string& peer) {
    const std::string answer = SipMessage(request(asked)).answer(200, "OK", peer);
    const std::size_t start = answer.find("Via: ");
    return answer.substr(start, answer.find("\r\n", start) - start);
  };
  EXPECT_EQ(via("SIP/2.0/UDP 10.0.0.7;branch=z9;rport", "10.0.0.9:4000"),
            "Via: SIP/2.0/UDP 10.0.0.7;branch=z9;rport=4000;received=10.0.0.9");
  EXPECT_EQ(via("SIP/2.0/UDP 10.0.0.7;branch=z9", "10.0.0.9:4000"),
            "Via: SIP/2.0/UDP 10.0.0.7;branch=z9;received=10.0.0.9");
  EXPECT_EQ(via("SIP/2.0/UDP 10.0.0.7;branch=z9;received=192.0.2.66", "10.0.0.7:4000"),
            "Via: SIP/2.0/UDP 10.0.0.7;branch=z9;received=10.0.0.7");
}

TEST(SipMessage, RepeatsALongViaWhole) {
  const std::string via =
      "SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK" + std::string(200, 'x') + ";one=two;three=four";
  EXPECT_THAT(SipMessage(request(via)).answer(200, "OK", "10.0.0.7:5060"),
              HasSubstr("\r\nVia: " + via + "\r\n"));
  const SipMessage reason(
      request(via, "Reason: SIP;cause=200;text=\"" + std::string(300, 'y') + "\"\r\n"));
  ASSERT_EQ(reason.reasons().size(), 1U);
  EXPECT_THAT(reason.reasons()[0], HasSubstr(std::string(300, 'y')));
}

TEST(SipMessage, ReadsWhereTheSenderListens) {
  const SentBy full = SipMessage(request("SIP/2.0/UDP 10.0.0.7:5062;branch=z;rport")).sent_by();
  EXPECT_EQ(full.host, "10.0.0.7");
  EXPECT_EQ(full.port, 5062);
  EXPECT_TRUE(full.rport);
  const SentBy bare = SipMessage(request("SIP/2.0/UDP 10.0.0.7;branch=z;maddr=1.2.3.4")).sent_by();
  EXPECT_EQ(bare.port, 5060);
  EXPECT_FALSE(bare.rport);
}

TEST(SipMessage, ReadsKeepAliveReasonAndBody) {
  const SipMessage message(
      request("SIP/2.0/UDP 10.0.0.7;branch=z",
              "Contact: <sip:a@10.0.0.7:5062>;cisco-keep-alive;expires=0\r\n"
              "Reason: SIP;cause=200;text=\"cisco-alarm:25 Name=SEP1 Last=Initialized\"\r\n"
              "Content-Type: application/x-cisco-alarm+xml;charset=utf-8\r\n",
              "<a/>"));
  const Register read = message.registration("udp", "10.0.0.7:1");
  ASSERT_EQ(read.contacts.size(), 1U);
  EXPECT_TRUE(read.contacts[0].keep_alive);
  EXPECT_EQ(read.contacts[0].host, "10.0.0.7");
  EXPECT_EQ(read.contacts[0].port, 5062);
  ASSERT_EQ(message.reasons().size(), 1U);
  EXPECT_THAT(message.reasons()[0], HasSubstr("cisco-alarm:25 Name=SEP1 Last=Initialized"));
  EXPECT_THAT(message.content_type(), StartsWith("application/x-cisco-alarm+xml"));
  EXPECT_EQ(message.body(), "<a/>");
}

TEST(SipMessage, TellsNonsenseFromWhatCanBeRefused) {
  EXPECT_EQ(SipMessage("hello").kind(), Kind::nonsense);
  EXPECT_EQ(SipMessage("").kind(), Kind::nonsense);
  EXPECT_EQ(SipMessage(std::string(kLongestMessage + 1, 'a')).kind(), Kind::nonsense);
  EXPECT_EQ(SipMessage("REGISTER sip:a SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n").kind(), Kind::nonsense)
      << "nobody could take an answer for his";
  EXPECT_EQ(SipMessage("REGISTER sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n\r\n").kind(),
            Kind::flawed);
  EXPECT_EQ(SipMessage("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z\r\nFrom: <sip:a@b>;tag=1\r\n"
                       "To: <sip:a@b>;tag=2\r\nCall-ID: a\r\nCSeq: 1 NOTIFY\r\n\r\n")
                .kind(),
            Kind::response);
}

}  // namespace
}  // namespace ringfence::services::callmanager

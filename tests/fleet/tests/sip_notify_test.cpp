#include "tests/fleet/sip_notify.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace ringfence::fleet {
namespace {

const std::string kCallId = "abc-SEP001100000001@127.0.0.1";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

/// The reset of cucm-behaviour 7.1, by hand.
const std::string kReset =
    "NOTIFY sip:SEP001100000001@127.0.0.1:40000 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:15060;branch=z9hG4bK1\r\n"
    "From: <sip:127.0.0.1>;tag=1\r\n"
    "To: <sip:SEP001100000001@127.0.0.1>\r\n"
    "Call-ID: notify-1\r\n"
    "CSeq: 1 NOTIFY\r\n"
    "Event: service-control\r\n"
    "Subscription-State: active\r\n"
    "Content-Type: text/plain\r\n"
    "\r\n"
    "action=reset\r\nRegisterCallId={abc-SEP001100000001@127.0.0.1}\r\n";

const std::string kStamps =
    "ConfigVersionStamp={1}\r\nDialplanVersionStamp={2}\r\nSoftkeyVersionStamp={3}\r\n";

NotifyVerdict judge(const std::string& text) {
  return judge_notify(parse_sip(text), "SEP001100000001", kCallId);
}

struct Case {
  const char* name;
  const char* from;
  const char* to;
  int status;
};

class NotifyCheck : public testing::TestWithParam<Case> {};

TEST_P(NotifyCheck, AnswersTheStatus) {
  const NotifyVerdict verdict = judge(replaced(kReset, GetParam().from, GetParam().to));
  EXPECT_EQ(verdict.status, GetParam().status);
  EXPECT_FALSE(verdict.action);
}

INSTANTIATE_TEST_SUITE_P(
    Sipcc, NotifyCheck,
    testing::Values(
        Case{"NoEvent", "Event: service-control\r\n", "", 400},
        Case{"OtherEvent", "service-control", "presence", 489},
        Case{"RequestUriWithoutUser", "sip:SEP001100000001@127.0.0.1:40000", "sip:127.0.0.1:40000",
             400},
        Case{"RequestUriOfAnotherScheme", "sip:SEP001100000001@127.0.0.1:40000", "tel:5551234",
             400},
        Case{"RequestUriOfAnotherPhone", "sip:SEP001100000001@127.0.0.1:40000",
             "sip:SEP001100000002@127.0.0.1:40000", 404},
        Case{"ToWithoutUser", "To: <sip:SEP001100000001@127.0.0.1>", "To: <sip:127.0.0.1>", 400},
        Case{"FromWithUser", "From: <sip:127.0.0.1>", "From: <sip:cucm@127.0.0.1>", 400},
        Case{"NoBody", "action=reset\r\nRegisterCallId={abc-SEP001100000001@127.0.0.1}\r\n", "",
             400},
        Case{"BodyOfAnotherType", "text/plain", "application/xml", 400},
        Case{"NoRegisterCallId", "RegisterCallId={abc-SEP001100000001@127.0.0.1}\r\n", "", 400},
        Case{"AnotherRegisterCallId", "RegisterCallId={abc", "RegisterCallId={xyz", 400},
        Case{"EmptyRegisterCallId", "{abc-SEP001100000001@127.0.0.1}", "{}", 400},
        Case{"RegisterCallIdWithoutBraces", "{abc-SEP001100000001@127.0.0.1}",
             "abc-SEP001100000001@127.0.0.1", 400},
        Case{"NoAction", "action=reset\r\n", "", 400},
        Case{"UnknownAction", "action=reset", "action=explode", 400},
        Case{"FeatureControlVersionStamp", "action=reset\r\n",
             "action=reset\r\nFeatureControlVersionStamp={1}\r\n", 400},
        Case{"CheckVersionWithoutStamps", "action=reset", "action=check-version", 400},
        Case{"ApplyConfigWithoutStamps", "action=reset", "action=apply-config", 400},
        Case{"AnotherMethod", "NOTIFY sip", "OPTIONS sip", 405}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Notify, ObeysAReset) {
  const NotifyVerdict verdict = judge(kReset);
  EXPECT_EQ(verdict.status, 200);
  EXPECT_EQ(verdict.action, Action::reset);
}

TEST(Notify, ObeysARestartWithCompactHeaders) {
  std::string text = replaced(kReset, "action=reset", "action=restart");
  text = replaced(text, "Event:", "o:");
  text = replaced(text, "Content-Type:", "c:");
  text = replaced(text, "To:", "t:");
  EXPECT_EQ(judge(text).action, Action::restart);
}

TEST(Notify, ObeysApplyConfigWithEverythingItNeeds) {
  const std::string text =
      replaced(kReset, "action=reset\r\n",
               "action=apply-config\r\n" + kStamps +
                   "CUCMResult=config_applied\r\nLoadId={}\r\nLoadServer={}\r\nLogServer={}\r\n");
  EXPECT_EQ(judge(text).action, Action::apply_config);
  EXPECT_EQ(judge(replaced(text, "LogServer={}\r\n", "")).status, 400);
}

TEST(Notify, ObeysCheckVersionWithItsStamps) {
  EXPECT_EQ(
      judge(replaced(kReset, "action=reset\r\n", "action=check-version\r\n" + kStamps)).action,
      Action::check_version);
}

TEST(Notify, AnswersCheckSyncAndDoesNothing) {
  const NotifyVerdict verdict = judge(replaced(kReset, "service-control", "check-sync"));
  EXPECT_EQ(verdict.status, 200);
  EXPECT_FALSE(verdict.action);
}

TEST(Notify, RefusesEverythingWhileNotRegistered) {
  EXPECT_EQ(judge_notify(parse_sip(kReset), "SEP001100000001", "").status, 400);
}

TEST(SipMessage, RefusesWhatIsNoMessage) {
  for (const char* text :
       {"", "\r\n\r\n", "hello\r\n\r\n", "NOTIFY sip:a@b SIP/2.0\r\n",
        "NOTIFY sip:a@b SIP/2.0\r\nnothing\r\n\r\n", "NOTIFY sip:a@b SIP/2.0\r\nl: 10\r\n\r\nshort",
        "NOTIFY sip:a@b SIP/2.0\r\nl: -1\r\n\r\n", "NOTIFY sip:a@b SIP/2.0\r\nl: 99999999\r\n\r\n"})
    EXPECT_THROW(parse_sip(text), core::Error) << text;
}

TEST(SipMessage, CutsTheBodyAtItsLength) {
  EXPECT_EQ(parse_sip("NOTIFY sip:a@b SIP/2.0\r\nl: 2\r\n\r\nabcd").body, "ab");
}

TEST(SipMessage, CopiesWhatAResponseNeeds) {
  EXPECT_EQ(sip_response(parse_sip(kReset), 200, "OK", "mine"),
            "SIP/2.0 200 OK\r\n"
            "Via: SIP/2.0/UDP 127.0.0.1:15060;branch=z9hG4bK1\r\n"
            "From: <sip:127.0.0.1>;tag=1\r\n"
            "To: <sip:SEP001100000001@127.0.0.1>;tag=mine\r\n"
            "Call-ID: notify-1\r\n"
            "CSeq: 1 NOTIFY\r\n"
            "Content-Length: 0\r\n\r\n");
}

}  // namespace
}  // namespace ringfence::fleet

#include "services/callmanager/phone_alarm.h"

#include <gtest/gtest.h>

namespace ringfence::services::callmanager {
namespace {

const std::string kSha1 = "0123456789abcdef0123456789abcdef01234567";

std::string alarm_xml(const std::string& parameters) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\r\n<x-cisco-alarm>\r\n"
         "<Alarm Name=\"LastOutOfServiceInformation\">\r\n<ParameterList>\r\n" +
         parameters + "</ParameterList></Alarm></x-cisco-alarm>\r\n";
}

PhoneAlarm in_xml(const std::string& parameters) {
  return alarm_in_body("application/x-cisco-alarm+xml", alarm_xml(parameters));
}

TEST(PhoneAlarm, ReadsTheReasonHeaderOfARegister) {
  const PhoneAlarm alarm = alarm_in_reason(
      "SIP;cause=200;text=\"cisco-alarm:25 Name=SEP001122334455 ActiveLoad=sip88xx.14-1-1-0001 "
      "InactiveLoad=sip88xx.12-8-1 Last=Initialized\"");
  EXPECT_EQ(alarm.cause, 25);
  EXPECT_EQ(alarm.device, "SEP001122334455");
  EXPECT_EQ(alarm.active_load, "sip88xx.14-1-1-0001");
  EXPECT_EQ(alarm.inactive_load, "sip88xx.12-8-1");
  EXPECT_EQ(alarm.last_reason, "Initialized");
}

TEST(PhoneAlarm, ReadsTheReasonOfA79xxAndAReasonOfTwoWords) {
  const PhoneAlarm alarm = alarm_in_reason(
      "SIP;cause=200;text=\"cisco-alarm:14 Name=SEP001122334455 Load=SIP45.9-4-2SR3 "
      "Last=cm closed tcp\"");
  EXPECT_EQ(alarm.cause, 14);
  EXPECT_EQ(alarm.active_load, "SIP45.9-4-2SR3");
  EXPECT_EQ(alarm.last_reason, "cm closed tcp");
}

TEST(PhoneAlarm, AnotherReasonIsNoAlarm) {
  EXPECT_TRUE(alarm_in_reason("SIP;cause=200;text=\"Call completed elsewhere\"").empty());
  EXPECT_TRUE(alarm_in_reason("").empty());
}

TEST(PhoneAlarm, ReadsTheAlarmOfARefer) {
  const PhoneAlarm alarm = in_xml(
      "<String name=\"DeviceName\">SEP001122334455</String>\n"
      "<String name=\"IPv4DefaultGateway\">10.1.1.1</String>\n"
      "<Enum name=\"ReasonForOutOfService\">23</Enum>\n"
      "<String name=\"LastReason\"> Reset-Restart </String>\n"
      "<String name='ActiveLoadID'>sip88xx.14-1-1</String>\n"
      "<String name=\"InactiveLoadID\"><![CDATA[sip88xx&.12-8-1]]></String>\n");
  EXPECT_EQ(alarm.name, "LastOutOfServiceInformation");
  EXPECT_EQ(alarm.device, "SEP001122334455");
  EXPECT_EQ(alarm.cause, 23);
  EXPECT_EQ(alarm.last_reason, "Reset-Restart");
  EXPECT_EQ(alarm.active_load, "sip88xx.14-1-1");
  EXPECT_EQ(alarm.inactive_load, "sip88xx&.12-8-1");
  EXPECT_TRUE(alarm.trust_failure.empty());
  EXPECT_TRUE(alarm.itl.empty());
}

TEST(PhoneAlarm, ReadsTheXmlPartsOfAMultipart) {
  const std::string body =
      "--uniqueBoundary\r\nContent-Type: text/plain\r\n\r\n<a name=\"Last\">no</a>\r\n"
      "--uniqueBoundary\r\nContent-Disposition: session\r\n"
      "Content-Type:application/x-cisco-remotecc-request+xml\r\n\r\n"
      "<x-cisco-remotecc-request><optionsind><ActiveLoad>sip78xx.1</ActiveLoad></optionsind>"
      "</x-cisco-remotecc-request>\r\n"
      "--uniqueBoundary\r\nContent-Type: application/x-cisco-alarm+xml\r\n\r\n" +
      alarm_xml("<Enum name=\"ReasonForOutOfService\">22</Enum>") + "\r\n--uniqueBoundary--\r\n";
  for (const char* type : {"multipart/mixed;boundary=uniqueBoundary",
                           "Multipart/Mixed; Boundary=\"uniqueBoundary\"; x=y"}) {
    const PhoneAlarm alarm = alarm_in_body(type, body);
    EXPECT_EQ(alarm.active_load, "sip78xx.1") << type;
    EXPECT_EQ(alarm.cause, 22) << type;
    EXPECT_EQ(alarm.last_reason, "") << type;
  }
  EXPECT_TRUE(alarm_in_body("multipart/mixed", body).empty());
  EXPECT_TRUE(alarm_in_body("text/plain", body).empty());
}

TEST(PhoneAlarm, TakesAHashOfTheItlInEverySpelling) {
  const std::string colons = "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67";
  for (const std::string& value : {kSha1, colons, std::string("ASNFZ4mrze8BI0VniavN7wEjRWc="),
                                   std::string("ASNFZ4mrze8BI0VniavN7wEjRWc")}) {
    const PhoneAlarm alarm = in_xml("<String name=\"ITLFileHash\">" + value + "</String>");
    ASSERT_EQ(alarm.itl.size(), 1U) << value;
    EXPECT_EQ(alarm.itl[0].hex, kSha1) << value;
    EXPECT_EQ(alarm.itl[0].digest, "SHA-1") << value;
    EXPECT_EQ(alarm.itl[0].parameter, "ITLFileHash");
  }
  EXPECT_EQ(in_xml("<S name=\"itl-md5\">" + std::string(32, 'a') + "</S>").itl.at(0).digest, "MD5");
  EXPECT_EQ(in_xml("<S name=\"xITLSha\">" + std::string(64, 'a') + "</S>").itl.at(0).digest,
            "SHA-256");
  EXPECT_TRUE(in_xml("<S name=\"ITLStatus\">installed</S>").itl.empty());
  EXPECT_TRUE(in_xml("<S name=\"CTLHash\">" + kSha1 + "</S>").itl.empty());
  EXPECT_EQ(
      alarm_in_reason("SIP;text=\"cisco-alarm:25 Name=SEP1 ITLHash=" + kSha1 + "\"").itl.at(0).hex,
      kSha1);
}

TEST(PhoneAlarm, KnowsAPhoneThatRefusedItsList) {
  EXPECT_EQ(in_xml("<S name=\"Status\">Trust List update failed</S>").trust_failure,
            "Status: Trust List update failed");
  EXPECT_EQ(in_xml("<S name=\"ITLUpdate\">verification failure</S>").trust_failure,
            "ITLUpdate: verification failure");
  EXPECT_FALSE(alarm_in_reason("SIP;text=\"cisco-alarm:9 Last=TrustListUpdateFailed\"")
                   .trust_failure.empty());
  EXPECT_EQ(in_xml("<S name=\"Status\">Trust List updated</S>").trust_failure, "");
  EXPECT_EQ(in_xml("<S name=\"Title\">failed</S>").trust_failure, "");
  EXPECT_EQ(in_xml("<S name=\"Dhcp\">failed</S>").trust_failure, "");
}

TEST(PhoneAlarm, ExpandsNoEntityButXmlsOwn) {
  const PhoneAlarm alarm = in_xml("<S name=\"Last\">a&amp;b&#60;&#x3e;&xxe;&#955;</S>");
  EXPECT_EQ(alarm.last_reason, "a&b<>&xxe;&#955;");
  const std::string bomb =
      "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><x-cisco-alarm>"
      "<S name=\"Last\">&a;</S></x-cisco-alarm>";
  EXPECT_TRUE(alarm_in_body("application/x-cisco-alarm+xml", bomb).empty());
}

TEST(PhoneAlarm, BoundsDepthNumberAndLength) {
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "<a>";
  EXPECT_TRUE(alarm_in_body("application/x-cisco-alarm+xml", deep + "<Last>x</Last>").empty());
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "<a/>";
  EXPECT_TRUE(in_xml(many + "<S name=\"Last\">x</S>").last_reason.empty());
  const PhoneAlarm alarm = in_xml("<S name=\"Last\">" + std::string(60'000, 'x') + "</S>");
  EXPECT_EQ(alarm.last_reason.size(), 128U);
}

TEST(PhoneAlarm, ShowsNoControlCharacter) {
  EXPECT_EQ(in_xml("<S name=\"Last\">a\x1b[31mb&#10;c\xc3\xa4</S>").last_reason, "a?[31mb?c??");
}

TEST(PhoneAlarm, KeepsWhatCameBeforeTheBrokenEnd) {
  const std::string xml = alarm_xml("<S name=\"ActiveLoad\">sip88xx.1</S><S name=\"Last\">x</S>");
  for (std::size_t size = 0; size < xml.size(); ++size)
    alarm_in_body("application/x-cisco-alarm+xml", xml.substr(0, size));
  const std::size_t cut = xml.find("<S name=\"Last\"");
  EXPECT_EQ(alarm_in_body("application/x-cisco-alarm+xml", xml.substr(0, cut)).active_load,
            "sip88xx.1");
}

}  // namespace
}  // namespace ringfence::services::callmanager

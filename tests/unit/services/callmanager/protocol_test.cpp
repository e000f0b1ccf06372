#include "services/callmanager/protocol.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace ringfence::services::callmanager {
namespace {

using std::chrono::seconds;

Register good() {
  Register request;
  request.call_id = "0011-2233@10.0.0.7";
  request.cseq = 101;
  request.to_user = "6001";
  request.contacts = {{.uri = "sip:6001@10.0.0.7:5060",
                       .user = "6001",
                       .instance = "<urn:uuid:00000000-0000-0000-0000-00112233aabb>",
                       .device_name = "",
                       .expires = std::nullopt}};
  return request;
}

struct BadRegister {
  const char* name;
  void (*spoil)(Register&);
  const char* what;
};

class BadRegisterTest : public testing::TestWithParam<BadRegister> {};

TEST_P(BadRegisterTest, IsRefusedByName) {
  Register request = good();
  GetParam().spoil(request);
  try {
    check_register(request);
    FAIL() << "was accepted";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::Code::malformed);
    EXPECT_STREQ(error.what(), GetParam().what);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, BadRegisterTest,
    testing::Values(
        BadRegister{"NoCallId", [](Register& r) { r.call_id.clear(); },
                    "a Call-ID must be 1 to 256 printable characters"},
        BadRegister{"LongCallId", [](Register& r) { r.call_id = std::string(257, 'a'); },
                    "a Call-ID must be 1 to 256 printable characters"},
        BadRegister{"CallIdWithLineBreak", [](Register& r) { r.call_id = "a\r\naction=reset"; },
                    "a Call-ID must be 1 to 256 printable characters"},
        BadRegister{"NineContacts", [](Register& r) { r.contacts.resize(9, r.contacts[0]); },
                    "a REGISTER may have at most 8 contacts"},
        BadRegister{"StarBesideAnother",
                    [](Register& r) {
                      r.every_contact = true;
                      r.expires = seconds(0);
                    },
                    "the contact '*' must stand alone"},
        BadRegister{"StarWithoutExpires",
                    [](Register& r) {
                      r.contacts.clear();
                      r.every_contact = true;
                    },
                    "the contact '*' needs Expires: 0"},
        BadRegister{"NoSipUri", [](Register& r) { r.contacts[0].uri = "tel:+1555"; },
                    "a contact must be a sip URI"},
        BadRegister{"NoUser", [](Register& r) { r.contacts[0].user.clear(); },
                    "a contact must have a user part"},
        BadRegister{"LongContact",
                    [](Register& r) { r.contacts[0].uri = "sip:" + std::string(509, 'x'); },
                    "a contact must be at most 512 printable characters"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Register, IsAcceptedWhenItIsWhatAPhoneSends) {
  EXPECT_NO_THROW(check_register(good()));
}

TEST(Register, MayTakeEveryContactAway) {
  Register request = good();
  request.contacts.clear();
  request.every_contact = true;
  request.expires = seconds(0);
  EXPECT_NO_THROW(check_register(request));
}

TEST(DeviceNames, ComeFromThePhonesOwnWordThenItsInstanceThenUsers) {
  Contact contact = good().contacts[0];
  contact.device_name = "SEP00112233AABC";
  const std::vector<std::string> expected = {"SEP00112233AABC", "SEP00112233AABB",
                                             "ATA00112233AABB", "6001", "6002"};
  EXPECT_EQ(device_names(&contact, "6002"), expected);
}

TEST(DeviceNames, NameEachOnce) {
  Contact contact;
  contact.user = "CSFanna";
  EXPECT_EQ(device_names(&contact, "CSFanna"), std::vector<std::string>{"CSFanna"});
}

TEST(DeviceNames, AreToUserAloneWithoutAContact) {
  EXPECT_EQ(device_names(nullptr, "SEP00112233AABB"), std::vector<std::string>{"SEP00112233AABB"});
}

TEST(DeviceNames, IgnoreAnInstanceThatHoldsNoMacAddress) {
  for (const char* instance : {"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>",
                               "<urn:uuid:00000000-0000-0000-0000-0011>",
                               "<urn:uuid:00000000-0000-0000-0000-00112233aabz>", "<", ">",
                               "urn:uuid:", "<urn:uuid:00000000-0000-0000-0000-00112233aabbcc>"}) {
    Contact contact;
    contact.user = "x";
    contact.instance = instance;
    EXPECT_EQ(device_names(&contact, ""), std::vector<std::string>{"x"}) << instance;
  }
}

TEST(DeviceNames, ReadAnInstanceInEitherCaseAndWithoutBrackets) {
  Contact contact;
  contact.instance = "URN:UUID:00000000-0000-0000-0000-00112233AABB";
  const std::vector<std::string> expected = {"SEP00112233AABB", "ATA00112233AABB"};
  EXPECT_EQ(device_names(&contact, ""), expected);
}

TEST(ServiceControl, ResetSaysActionAndCallIdAlone) {
  EXPECT_EQ(service_control_body(ResetKind::reset, "a@b", "stamp"),
            "action=reset\r\nRegisterCallId={a@b}\r\n");
}

TEST(ServiceControl, RestartSaysActionAndCallIdAlone) {
  EXPECT_EQ(service_control_body(ResetKind::restart, "a@b", ""),
            "action=restart\r\nRegisterCallId={a@b}\r\n");
}

TEST(ServiceControl, ApplyConfigNamesAllThatAPhoneDemands) {
  EXPECT_EQ(
      service_control_body(ResetKind::apply_config, "a@b", "0f8fad5b-d9cb-469f-a165-70867728950e"),
      "action=apply-config\r\n"
      "RegisterCallId={a@b}\r\n"
      "ConfigVersionStamp={0f8fad5b-d9cb-469f-a165-70867728950e}\r\n"
      "DialplanVersionStamp={00000000-0000-0000-0000-000000000000}\r\n"
      "SoftkeyVersionStamp={00000000-0000-0000-0000-000000000000}\r\n"
      "CUCMResult=config_applied\r\n"
      "LoadId={}\r\n"
      "LoadServer={}\r\n"
      "LogServer={}\r\n");
}

TEST(ServiceControl, ApplyConfigWithoutAStampSendsZeros) {
  EXPECT_NE(service_control_body(ResetKind::apply_config, "a@b", "")
                .find("ConfigVersionStamp={00000000-0000-0000-0000-000000000000}\r\n"),
            std::string::npos);
}

TEST(NotifyUri, IsTheContactsUserAtThePeer) {
  EXPECT_EQ(notify_uri("60%2301", "10.0.0.7:49152", "udp"), "sip:60%2301@10.0.0.7:49152");
  EXPECT_EQ(notify_uri("6001", "10.0.0.7:49152", "tcp"), "sip:6001@10.0.0.7:49152;transport=tcp");
}

TEST(ResetKind, ReadsBackWhatItWrites) {
  for (const ResetKind kind : {ResetKind::reset, ResetKind::restart, ResetKind::apply_config})
    EXPECT_EQ(reset_kind_from(word(kind)), kind);
}

TEST(ResetKind, RefusesAnotherWord) {
  EXPECT_THROW(reset_kind_from("reboot"), core::Error);
}

TEST(SentByTest, AnAnswerGoesToThePortOfTheViaUnlessItAsksForRport) {
  EXPECT_EQ(answer_port({.host = "10.0.0.7", .port = 5062, .rport = false}, "10.0.0.7:49152"),
            5062);
  EXPECT_EQ(answer_port({.host = "10.0.0.7", .port = 5062, .rport = true}, "10.0.0.7:49152"),
            49152);
  EXPECT_EQ(answer_port({}, "10.0.0.7:49152"), 5060);
}

TEST(NotifyTarget, IsAlwaysAtTheAddressThePacketCameFrom) {
  Register request;
  request.transport = "udp";
  request.peer = "10.0.0.7:49152";
  request.sent_by = {.host = "10.0.0.7", .port = 5061, .rport = false};
  Contact contact;
  contact.host = "10.0.0.7";
  contact.port = 5062;
  EXPECT_EQ(notify_target(contact, request), "10.0.0.7:5062");
  contact.host = "192.0.2.66";
  EXPECT_EQ(notify_target(contact, request), "10.0.0.7:5061");
  request.sent_by.host = "phone.example";
  EXPECT_EQ(notify_target(contact, request), "10.0.0.7:49152");
  contact.host = "10.0.0.7";
  request.sent_by.rport = true;
  EXPECT_EQ(notify_target(contact, request), "10.0.0.7:49152");
  request.sent_by.rport = false;
  request.transport = "tcp";
  EXPECT_EQ(notify_target(contact, request), "10.0.0.7:49152");
}

TEST(DateHeader, IsInGreenwich) {
  EXPECT_EQ(date_header(core::from_seconds(1'289'649'600)), "Sat, 13 Nov 2010 12:00:00 GMT");
  EXPECT_EQ(date_header(core::from_seconds(951'827'696)), "Tue, 29 Feb 2000 12:34:56 GMT");
}

}  // namespace
}  // namespace ringfence::services::callmanager

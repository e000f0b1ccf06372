#include "tests/fleet/phone_config.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace ringfence::fleet {
namespace {

constexpr const char* kXml = R"(<?xml version="1.0" encoding="UTF-8"?>
<device>
  <devicePool>
    <callManagerGroup><members><member priority="0"><callManager>
      <name>ignored</name>
      <ports><ethernetPhonePort>2000</ethernetPhonePort><sipPort>15060</sipPort></ports>
      <processNodeName>192.0.2.1</processNodeName>
    </callManager></member></members></callManagerGroup>
    <srstInfo/>
  </devicePool>
  <TVS><members><member priority="0"><port>12445</port><address>192.0.2.2</address></member>
  </members></TVS>
  <sipProfile><sipStack><timerRegisterExpires>120</timerRegisterExpires>
    <timerRegisterDelta>7</timerRegisterDelta></sipStack></sipProfile>
  <versionStamp>{d76e69ac-9587-49f0-a4c0-a431ebf50328}</versionStamp>
  <capfAuthMode>2</capfAuthMode>
  <capfList><capf><phonePort>13804</phonePort><processNodeName>192.0.2.3</processNodeName></capf>
  </capfList>
</device>)";

TEST(PhoneConfig, ReadsWhereEverythingIs) {
  const PhoneConfig config = parse_phone_config(kXml);
  EXPECT_EQ(config.version_stamp, "d76e69ac-9587-49f0-a4c0-a431ebf50328");
  EXPECT_EQ(config.capf_auth_mode, 2);
  EXPECT_EQ(config.capf.address, "192.0.2.3");
  EXPECT_EQ(config.capf.port, 13804);
  EXPECT_EQ(config.tvs.address, "192.0.2.2");
  EXPECT_EQ(config.tvs.port, 12445);
  EXPECT_EQ(config.call_manager.address, "192.0.2.1");
  EXPECT_EQ(config.call_manager.port, 15060);
  EXPECT_EQ(config.register_expires, std::chrono::seconds(120));
  EXPECT_EQ(config.register_delta, std::chrono::seconds(7));
}

TEST(PhoneConfig, KnowsNoServiceThatIsNotNamed) {
  const PhoneConfig config = parse_phone_config("<device><versionStamp>1</versionStamp></device>");
  EXPECT_FALSE(config.capf.known());
  EXPECT_FALSE(config.tvs.known());
  EXPECT_FALSE(config.call_manager.known());
  EXPECT_EQ(config.capf_auth_mode, 0);
}

TEST(PhoneConfig, RefusesWhatIsNoConfiguration) {
  for (const char* xml :
       {"", "<device>", "<device/>", "<html></html>",
        "<device><capfAuthMode>two</capfAuthMode></device>", "<device><versionStamp>1</device>"})
    EXPECT_THROW(parse_phone_config(xml), core::Error) << xml;
}

}  // namespace
}  // namespace ringfence::fleet

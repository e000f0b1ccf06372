#include "core/phones/config_file.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/file.h"
#include "tests/support/golden.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

Phone phone() {
  Phone result;
  result.name = "SEP001122334455";
  result.model = "CP-8861";
  result.description = "Tom & <Jerry> \"quoted\" 'x' ]]> \xc3\xa4";
  result.device_pool = "A&B";
  result.capf.operation = Operation::install;
  result.capf.auth_mode = AuthMode::auth_string;
  result.capf.auth_string = "471147";
  result.config_stamp = "01234567-89ab-4def-8123-456789abcdef";
  return result;
}

const ConfigNode kNode{"192.0.2.7", 15060, 15061, 12445, 13804, ""};

/// xpath returns what libxml2 finds at `path` in `xml`; "" also when the XML is not well formed.
std::string xpath(const std::string& xml, const std::string& path) {
  const test::TemporaryFolder folder;
  write_atomically(folder / "in.xml", bytes_of(xml));
  const std::string command = "xmllint --nonet --xpath 'string(" + path + ")' " +
                              (folder / "in.xml").string() + " > " + (folder / "out").string() +
                              " 2>/dev/null";
  if (std::system(command.c_str()) != 0) return "";
  std::string text = text_of(read_file(folder / "out", 10'000));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

ConfigNode with_others() {
  ConfigNode node = kNode;
  node.others = {{"192.0.2.8", 5060, 5061, 2445},
                 {"a&b.example.com", 25060, 25061, 22445, false, true},
                 {"192.0.2.10", 5060, 5061, 2445, true, false}};
  return node;
}

TEST(ConfigFile, OfOneNodeIsWhatItWasBeforeThereWereClusters) {
  test::expect_golden("phones/one_node.cnf.xml", config_file(phone(), CapfVisit::due, kNode));
  test::expect_golden("phones/one_node_default.cnf.xml", default_config_file(kNode));
}

TEST(ConfigFile, NamesTheOtherNodesBehindThisOne) {
  const ConfigNode node = with_others();
  const std::string xml = config_file(phone(), CapfVisit::due, node);
  test::expect_golden("phones/cluster.cnf.xml", xml);
  test::expect_golden("phones/cluster_default.cnf.xml", default_config_file(node));
  const std::string managers = "/device/devicePool/callManagerGroup/members/";
  EXPECT_EQ(xpath(xml, "/device/TVS/members/member[@priority=0]/address"), "192.0.2.7");
  EXPECT_EQ(xpath(xml, "/device/TVS/members/member[@priority=1]/address"), "192.0.2.8");
  EXPECT_EQ(xpath(xml, "/device/TVS/members/member[@priority=2]/address"), "a&b.example.com");
  EXPECT_EQ(xpath(xml, "/device/TVS/members/member[@priority=2]/port"), "22445");
  EXPECT_EQ(xpath(xml, "/device/TVS/members/member[@priority=3]/address"), "");
  EXPECT_EQ(xpath(xml, managers + "member[@priority=1]/callManager/processNodeName"), "192.0.2.8");
  EXPECT_EQ(xpath(xml, managers + "member[@priority=2]/callManager/processNodeName"), "192.0.2.10");
  EXPECT_EQ(xpath(xml, "/device/capfList/capf/processNodeName"), "192.0.2.7");
  EXPECT_EQ(xpath(default_config_file(node), "/Default/TVS/members/member[@priority=1]/address"),
            "192.0.2.8");
}

TEST(ConfigFile, HasNoMoreMembersThanPhonesTake) {
  ConfigNode node = kNode;
  for (int i = 0; i < 20; ++i) node.others.push_back({"192.0.2." + std::to_string(100 + i)});
  const std::string xml = config_file(phone(), CapfVisit::due, node);
  EXPECT_EQ(xpath(xml, "/device/TVS/members/member[last()]/@priority"), "4");
  EXPECT_EQ(xpath(xml, "/device/devicePool/callManagerGroup/members/member[last()]/@priority"),
            "2");
}

TEST(ConfigFile, IsWellFormedWhateverTheRecordHolds) {
  const test::TemporaryFolder folder;
  write_atomically(folder / "in.xml", bytes_of(config_file(phone(), CapfVisit::due, kNode)));
  EXPECT_EQ(std::system(("xmllint --nonet --noout " + (folder / "in.xml").string()).c_str()), 0);
}

TEST(ConfigFile, TellsThePhoneWhereEverythingIs) {
  const std::string xml = config_file(phone(), CapfVisit::due, kNode);
  const std::string manager = "/device/devicePool/callManagerGroup/members/member/callManager/";
  for (const auto& [path, value] : std::vector<std::pair<std::string, std::string>>{
           {"/device/deviceProtocol", "SIP"},
           {"/device/fullConfig", "true"},
           {"/device/encrConfig", "false"},
           {"/device/certHash", ""},
           {"/device/deviceSecurityMode", "1"},
           {"/device/versionStamp", "{01234567-89ab-4def-8123-456789abcdef}"},
           {"/device/devicePool/name", "A&B"},
           {"/device/devicePool/callManagerGroup/members/member/@priority", "0"},
           {manager + "processNodeName", "192.0.2.7"},
           {manager + "ports/ethernetPhonePort", "2000"},
           {manager + "ports/sipPort", "15060"},
           {manager + "ports/securedSipPort", "15061"},
           {"/device/TVS/members/member/@priority", "0"},
           {"/device/TVS/members/member/port", "12445"},
           {"/device/TVS/members/member/address", "192.0.2.7"},
           {"/device/capfList/capf/phonePort", "13804"},
           {"/device/capfList/capf/processNodeName", "192.0.2.7"},
           {"/device/sipProfile/sipLines/line/name", "SEP001122334455"},
           {"/device/sipProfile/sipLines/line/contact", "SEP001122334455"},
           {"/device/sipProfile/phoneLabel", phone().description},
           {"/device/loadInformation/@model", "CP-8861"}})
    EXPECT_EQ(xpath(xml, path), value) << path;
}

TEST(ConfigFile, SendsThePhoneToCapfOnlyWhileAVisitIsDue) {
  Phone asked = phone();
  const auto mode = [&](AuthMode value, CapfVisit visit) {
    asked.capf.auth_mode = value;
    return xpath(config_file(asked, visit, kNode), "/device/capfAuthMode");
  };
  EXPECT_EQ(mode(AuthMode::auth_string, CapfVisit::due), "1");
  EXPECT_EQ(mode(AuthMode::null_string, CapfVisit::due), "2");
  EXPECT_EQ(mode(AuthMode::lsc, CapfVisit::due), "3");
  EXPECT_EQ(mode(AuthMode::mic, CapfVisit::due), "4");
  for (const AuthMode each :
       {AuthMode::auth_string, AuthMode::null_string, AuthMode::lsc, AuthMode::mic})
    EXPECT_EQ(mode(each, CapfVisit::none), "0");
}

TEST(ConfigFile, NeverHoldsTheAuthenticationString) {
  EXPECT_THAT(config_file(phone(), CapfVisit::due, kNode),
              testing::Not(testing::HasSubstr("471147")));
}

TEST(ConfigFile, IsTheSameForTheSameFacts) {
  EXPECT_EQ(config_file(phone(), CapfVisit::none, kNode),
            config_file(phone(), CapfVisit::none, kNode));
}

TEST(ConfigFile, SendsModelsOfOldTlsToThePortForThemWhenItIsOpen) {
  ConfigNode node = kNode;
  const auto port = [&node](const std::string& model) {
    Phone asked = phone();
    asked.model = model;
    return xpath(config_file(asked, CapfVisit::due, node), "/device/capfList/capf/phonePort");
  };
  EXPECT_EQ(port("CP-7975G"), "13804");
  node.capf_legacy = 13805;
  for (const char* model : {"CP-7975G", "CP-7962", "7942", "Cisco 7911"}) {
    EXPECT_EQ(port(model), "13805") << model;
  }
  for (const char* model : {"CP-8861", "CP-7821", "7", "", "Jabber", "CP-8879"}) {
    EXPECT_EQ(port(model), "13804") << model;
  }
}

TEST(ConfigFile, TellsEachModelTheTransportItCanSpeakUnlessASettingSaysWhich) {
  ConfigNode node = kNode;
  const auto protocol = [&node](const std::string& model) {
    Phone asked = phone();
    asked.model = model;
    return xpath(config_file(asked, CapfVisit::none, node), "/device/transportLayerProtocol");
  };
  for (const char* model : {"CP-7821", "CP-8861", "CP-7975G", "CSF"})
    EXPECT_EQ(protocol(model), "1") << model;
  for (const char* model : {"CP-7940G", "ATA191", "", "Unheard of"})
    EXPECT_EQ(protocol(model), "2") << model;
  node.transport = SipTransport::over_udp;
  EXPECT_EQ(protocol("CP-8861"), "2");
  node.transport = SipTransport::over_tcp;
  EXPECT_EQ(protocol("CP-7940G"), "1");
}

}  // namespace
}  // namespace ringfence::core

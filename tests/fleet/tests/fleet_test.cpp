#include "tests/fleet/fleet.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/crypto/digest.h"
#include "tests/fleet/sip_message.h"
#include "tests/fleet/tests/test_lists.h"
#include "tests/fleet/tests/test_node.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::fleet {
namespace {

using core::Bytes;
using test::Identity;
using test::make_itl;
using namespace std::chrono_literals;

constexpr auto kPatience = 20s;

std::string sha1_of(const Bytes& file) {
  return core::to_hex(core::digest(core::Digest::sha1, file));
}

/// A node that serves one list to all, and a configuration to each phone.
class FleetTest : public testing::Test {
 protected:
  FleetTest() {
    options_.port_offset = node_.offset();
    options_.names = count_names(3);
    options_.scenario = Scenario::boot;
    options_.retry_after = 1ms;
    node_.put("ITLFile.tlv", list_);
    for (const std::string& name : options_.names)
      node_.put(name + ".cnf.xml.sgn",
                test::make_config(call_manager_, name, "stamp-1", node_.sip_port()));
  }

  Identity call_manager_ = test::make_identity("cm.example");
  Identity recovery_ = test::make_identity("ITLRECOVERY_cm.example");
  Identity stranger_ = test::make_identity("stranger.example");
  Bytes list_ = make_itl(call_manager_, {&recovery_});
  test::TestNode node_;
  Options options_;
};

TEST_F(FleetTest, BootsOverTftpAndVerifies) {
  Fleet fleet(options_);
  fleet.start();
  ASSERT_TRUE(fleet.wait_until_all_succeeded(kPatience)) << to_json(fleet.report());
  for (const PhoneReport& phone : fleet.report().phones) {
    EXPECT_EQ(phone.state, State::booted);
    EXPECT_EQ(phone.itl_sha1, sha1_of(list_));
    EXPECT_EQ(phone.itl_status, "ITL installed");
    EXPECT_EQ(phone.config_stamp, "stamp-1");
    EXPECT_EQ(phone.boots, 1U);
    EXPECT_FALSE(phone.registered);
  }
}

TEST_F(FleetTest, AsksForItsFilesInThePhonesOrder) {
  options_.names.resize(1);
  for (const Transport transport : {Transport::tftp, Transport::http}) {
    options_.transport = transport;
    const std::size_t before = node_.asked().size();
    Fleet fleet(options_);
    fleet.start();
    ASSERT_TRUE(fleet.wait_until_all_succeeded(kPatience)) << to_json(fleet.report());
    std::vector<std::string> asked = node_.asked();
    asked.erase(asked.begin(), asked.begin() + static_cast<std::ptrdiff_t>(before));
    EXPECT_EQ(asked, (std::vector<std::string>{"CTLSEP001100000001.tlv", "ITLSEP001100000001.tlv",
                                               "ITLFile.tlv", "SEP001100000001.cnf.xml.sgn"}));
  }
}

TEST_F(FleetTest, FailsAPhoneWithoutConfiguration) {
  options_.names.push_back("SEP0011000000FF");
  Fleet fleet(options_);
  fleet.start();
  ASSERT_TRUE(fleet.wait_until([&](const Report&) { return fleet.finished(); }, kPatience) ||
              fleet.finished());
  const Report report = fleet.report();
  EXPECT_EQ(report.succeeded(), 3U);
  const PhoneReport& failed = report.phone("SEP0011000000FF");
  EXPECT_EQ(failed.state, State::failed);
  EXPECT_EQ(failed.boots, 3U);
  EXPECT_EQ(failed.last_error, "there is no signed configuration for this phone");
}

TEST_F(FleetTest, RegistersWithACallIdOfItsOwn) {
  options_.scenario = Scenario::enrol;
  Fleet fleet(options_);
  fleet.start();
  ASSERT_TRUE(fleet.wait_until_all_succeeded(kPatience)) << to_json(fleet.report());
  const Report report = fleet.report();
  EXPECT_EQ(report.registered(), 3U);
  EXPECT_NE(report.phones[0].call_id, report.phones[1].call_id);
  ASSERT_EQ(node_.registers().size(), 3U);
  for (const std::string& text : node_.registers()) {
    const SipMessage message = parse_sip(text);
    const PhoneReport& phone = report.phone(uri_of(*message.header("Contact")).user);
    EXPECT_EQ(message.header("Call-ID"), phone.call_id);
    EXPECT_NE(text.find("+sip.instance=\"<urn:uuid:00000000-0000-0000-0000-00110000000"),
              std::string::npos);
    EXPECT_NE(text.find(phone.name + "\"\r\n"), std::string::npos);
    EXPECT_NE(text.find("<String name=\"ITLHash\">" + phone.itl_sha1 + "</String>"),
              std::string::npos);
  }
}

TEST_F(FleetTest, SaysNothingOfItsListWhenItIsOlder) {
  options_.scenario = Scenario::enrol;
  options_.alarm = false;
  Fleet fleet(options_);
  fleet.start();
  ASSERT_TRUE(fleet.wait_until_all_succeeded(kPatience)) << to_json(fleet.report());
  for (const std::string& text : node_.registers())
    EXPECT_TRUE(text.ends_with("Content-Length: 0\r\n\r\n"));
}

TEST_F(FleetTest, ObeysAResetByBootingWithTheNewList) {
  options_.scenario = Scenario::stay;
  Fleet fleet(options_);
  fleet.start();
  ASSERT_TRUE(fleet.wait_until_all_succeeded(kPatience)) << to_json(fleet.report());
  const std::string name = options_.names[1];
  const std::string call_id = fleet.report().phone(name).call_id;
  const Bytes next = make_itl(recovery_, {&call_manager_});
  node_.put("ITLFile.tlv", next);
  node_.notify(name, "reset");
  const auto came_back = [&](const Report& report) {
    return report.phone(name).boots == 2 && report.phone(name).succeeded();
  };
  ASSERT_TRUE(fleet.wait_until(came_back, kPatience)) << to_json(fleet.report());
  const Report report = fleet.report();
  EXPECT_EQ(report.phone(name).resets, 1U);
  EXPECT_EQ(report.phone(name).itl_sha1, sha1_of(next));
  EXPECT_EQ(report.phone(name).itl_status, "Trust List updated");
  EXPECT_NE(report.phone(name).call_id, call_id);
  EXPECT_EQ(report.phones[0].boots, 1U);
}

TEST_F(FleetTest, RefusesAStrangersListAndStaysInService) {
  options_.scenario = Scenario::stay;
  Fleet fleet(options_);
  fleet.start();
  ASSERT_TRUE(fleet.wait_until_all_succeeded(kPatience)) << to_json(fleet.report());
  node_.put("ITLFile.tlv", make_itl(stranger_));
  fleet.power_cycle();
  const auto all_back = [](const Report& report) {
    return std::all_of(report.phones.begin(), report.phones.end(), [](const PhoneReport& phone) {
      return phone.boots == 2 && phone.registered;
    });
  };
  ASSERT_TRUE(fleet.wait_until(all_back, kPatience)) << to_json(fleet.report());
  for (const PhoneReport& phone : fleet.report().phones) {
    EXPECT_EQ(phone.itl_sha1, sha1_of(list_));
    EXPECT_EQ(phone.itl_status, "Trust List update failed");
    EXPECT_FALSE(phone.succeeded());
  }
}

TEST_F(FleetTest, KeepsItsTrustBetweenTwoRuns) {
  const ringfence::test::TemporaryFolder folder;
  options_.state_file = folder / "state";
  {
    Fleet fleet(options_);
    fleet.start();
    ASSERT_TRUE(fleet.wait_until_all_succeeded(kPatience)) << to_json(fleet.report());
    fleet.stop();
  }
  EXPECT_EQ(std::filesystem::status(folder / "state").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  node_.put("ITLFile.tlv", make_itl(stranger_));
  Fleet fleet(options_);
  fleet.start();
  const auto all_booted = [](const Report& report) {
    return report.count(State::booted) == report.phones.size();
  };
  ASSERT_TRUE(fleet.wait_until(all_booted, kPatience)) << to_json(fleet.report());
  EXPECT_EQ(fleet.report().succeeded(), 0U);
  EXPECT_EQ(fleet.report().phones[0].itl_status, "Trust List update failed");
}

TEST_F(FleetTest, StopsWhilePhonesWaitForASilentServer) {
  options_.scenario = Scenario::stay;
  options_.concurrency = 1;
  options_.port_offset = static_cast<std::uint16_t>(node_.offset() + 1);
  Fleet fleet(options_);
  fleet.start();
  const auto one_boots = [](const Report& report) { return report.count(State::booting) == 1; };
  ASSERT_TRUE(fleet.wait_until(one_boots, kPatience));
  fleet.stop();
  EXPECT_TRUE(fleet.finished());
}

TEST(CountNames, CountsInHexadecimal) {
  EXPECT_EQ(count_names(2, "0011000000FF"),
            (std::vector<std::string>{"SEP0011000000FF", "SEP001100000100"}));
  EXPECT_THROW(count_names(1, "0011"), core::Error);
  EXPECT_THROW(count_names(2, "FFFFFFFFFFFF"), core::Error);
}

}  // namespace
}  // namespace ringfence::fleet

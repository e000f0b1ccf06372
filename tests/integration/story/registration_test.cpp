// What the administrator is told of registrations: of phones of every family, of those that do not
// answer, and while the registrar is stopped or has crashed.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fleet/fleet.h"
#include "tests/support/command.h"
#include "tests/support/database_file.h"
#include "tests/support/eventually.h"
#include "tests/support/instance.h"

namespace ringfence {
namespace {

using fleet::Fleet;
using fleet::SipTransport;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

class RegistrationStory : public testing::Test {
 protected:
  void SetUp() override {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  fleet::Options phones(const std::string& model, const std::string& first_mac, SipTransport sip) {
    fleet::Options options;
    options.names = fleet::count_names(3, first_mac);
    options.port_offset = instance_.port_offset();
    options.sip = sip;
    for (const std::string& name : options.names)
      EXPECT_EQ(instance_.sh("utils phone add " + name + " model " + model).status, 0);
    return options;
  }

  std::string shown(const std::string& name, const std::string& member) {
    const boost::json::object phone = instance_.json("show phone " + name);
    const boost::json::value* value = phone.if_contains(member);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
  }

  test::Instance instance_;
};

TEST_F(RegistrationStory, EachFamilyRegistersAsItsConfigurationSaysAndObeys) {
  Fleet old_ones(phones("CP-7975G", "001100000001", SipTransport::udp_79xx));
  Fleet new_ones(phones("CP-8861", "001100000101", SipTransport::configured));
  old_ones.start();
  new_ones.start();
  ASSERT_TRUE(old_ones.wait_until_all_succeeded(60s));
  ASSERT_TRUE(new_ones.wait_until_all_succeeded(60s));
  for (Fleet* fleet : {&old_ones, &new_ones}) {
    const std::string name = fleet->report().phones.at(0).name;
    const test::Result reset = instance_.sh("--yes utils phone restart " + name);
    EXPECT_EQ(reset.status, 0) << reset.out << reset.err;
    EXPECT_TRUE(fleet->wait_until(
        [&](const fleet::Report& report) {
          return report.phone(name).resets == 1 && report.phone(name).registered;
        },
        60s));
    EXPECT_TRUE(test::eventually([&] {
      return shown(name, "last_out_of_service").starts_with("Reset-Restart (alarm 23) at ");
    })) << shown(name, "last_out_of_service");
    EXPECT_EQ(shown(name, "active_load"), "fleet.2-0");
    EXPECT_EQ(shown(name, "inactive_load"), "fleet.1-0");
    EXPECT_EQ(shown(name, "registration"), "registered");
  }
}

TEST_F(RegistrationStory, APhoneThatLeavesAResetUnansweredIsNotRegistered) {
  Fleet fleet(phones("CP-7975G", "001100000001", SipTransport::udp));
  fleet.start();
  ASSERT_TRUE(fleet.wait_until_all_succeeded(60s));
  fleet.stop();  // without a word, as after a power cut
  const std::string name = "SEP001100000001";
  const test::Result reset = instance_.sh("utils phone reset " + name);
  EXPECT_EQ(reset.status, 1);
  EXPECT_THAT(reset.out, HasSubstr("Did not answer: " + name));
  EXPECT_THAT(reset.out, testing::Not(HasSubstr("Reset sent")));
  EXPECT_THAT(test::sqlite3(instance_ / "db/admin.db",
                            "select event, detail from audit where event like 'PHONE_RESET_%' "
                            "and event <> 'PHONE_RESET_INTENT'"),
              testing::AllOf(testing::StartsWith("PHONE_RESET_FAILED|"),
                             HasSubstr("\"did_not_answer\":[\"" + name + "\"]")));
  EXPECT_TRUE(test::eventually([&] {
    return shown(name, "registration").starts_with("not answering since 20");
  })) << shown(name, "registration");
  EXPECT_FALSE(instance_.json("show phone " + name).at("registered").as_bool());
  const boost::json::object status = instance_.json("show status");
  EXPECT_EQ(status.at("registered").as_int64(), 2);
  EXPECT_EQ(status.at("not_answering").as_int64(), 1);
  EXPECT_THAT(instance_.sh("show status").out, HasSubstr("Not answering     : 1"));
}

TEST_F(RegistrationStory, NobodyIsRegisteredWhileTheRegistrarIsStoppedOrHasCrashed) {
  Fleet fleet(phones("CP-8861", "001100000001", SipTransport::udp));
  fleet.start();
  ASSERT_TRUE(fleet.wait_until_all_succeeded(60s));
  const std::string name = "SEP001100000001";
  EXPECT_EQ(instance_.json("show status").at("registered").as_int64(), 3);

  const test::Result stopped = instance_.sh("--yes utils service stop Cisco CallManager");
  ASSERT_EQ(stopped.status, 0) << stopped.out << stopped.err;
  EXPECT_EQ(instance_.json("show status").at("registered").as_int64(), 0);
  EXPECT_THAT(instance_.sh("show status").out,
              HasSubstr("Phones registered : unknown: Cisco CallManager stopped at 20"));
  EXPECT_FALSE(instance_.json("show phone " + name).at("registered").as_bool());
  EXPECT_THAT(shown(name, "registration"),
              testing::AllOf(StartsWith("unknown: Cisco CallManager stopped at 20"),
                             HasSubstr(", the phone was registered until then")));
  EXPECT_THAT(instance_.sh("show phone " + name).out,
              Not(testing::ContainsRegex("Registered +: yes")));

  ASSERT_EQ(instance_.sh("utils service start Cisco CallManager").status, 0);
  EXPECT_TRUE(test::eventually([&] { return shown(name, "registration") == "registered"; }))
      << "its registration over UDP stands, and is: " << shown(name, "registration");
}

}  // namespace
}  // namespace ringfence

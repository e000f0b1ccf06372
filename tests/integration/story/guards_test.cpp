// What would strand phones is refused, a recovery list stays, and all phones are reset by a job.

#include <memory>
#include <string>

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
using fleet::Report;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr auto kPatience = 180s;
constexpr std::size_t kPhones = 6;

class GuardsStory : public testing::Test {
 protected:
  void SetUp() override {
    start();
    fleet::Options options;
    options.names = fleet::count_names(kPhones);
    options.port_offset = instance_.port_offset();
    options.threads = 2;
    for (const std::string& name : options.names)
      ASSERT_EQ(instance_.sh("utils phone add " + name + " model CP-8861").status, 0);
    fleet_ = std::make_unique<Fleet>(options);
    fleet_->start();
    ASSERT_TRUE(fleet_->wait_until(
        [](const Report& report) { return report.registered() == kPhones; }, kPatience));
    // What phones showed reaches ringfence-admin a moment after they registered.
    ASSERT_TRUE(test::eventually([&] {
      const boost::json::object list = instance_.json("show phone list");
      std::size_t accepted = 0;
      for (const boost::json::value& phone : list.at("phones").as_array())
        if (phone.at("itl").as_string() == "accepted") ++accepted;
      return accepted == kPhones;
    }));
  }

  void TearDown() override {
    if (fleet_) fleet_->stop();
  }

  void start() {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  std::string signer() {
    return std::string(instance_.json("show itl").at("signer").as_string());
  }

  std::string audited(const std::string& event) {
    return test::sqlite3(instance_.state() / "db" / "admin.db",
                         "select count(*) from audit where event = '" + event + "'");
  }

  test::Instance instance_;
  std::unique_ptr<Fleet> fleet_;
};

TEST_F(GuardsStory, WithoutATvsTheSignerChangesOnlyWhenForcedOverTheNumberOfPhones) {
  ASSERT_EQ(instance_.sh("utils service stop Cisco Trust Verification Service").status, 0);
  const test::Result refused = instance_.sh("--yes set cert regen CallManager");
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.out, HasSubstr("it would strand 6 phones"));
  EXPECT_EQ(audited("CERTIFICATE_REGENERATE_INTENT"), "0") << "nothing began";
  EXPECT_EQ(instance_.sh("--yes set cert regen CallManager force 5").status, 1);
  const test::Result as_json = instance_.sh("--yes --json set cert regen CallManager");
  EXPECT_EQ(as_json.status, 1);
  const auto document = boost::json::parse(as_json.out).as_object();
  EXPECT_EQ(document.at("guards").at(0).at("code").as_string(), "tvs_down");
  EXPECT_EQ(document.at("guards").at(0).at("phones").as_int64(), 6);

  const test::Result forced =
      instance_.sh("--yes set cert regen CallManager force 6 timeout 60s");
  EXPECT_EQ(forced.status, 5) << forced.out << forced.err;
  EXPECT_EQ(audited("CERTIFICATE_REGENERATE_DONE"), "1");
  EXPECT_THAT(test::sqlite3(instance_.state() / "db" / "admin.db",
                            "select detail from audit where event = 'CERTIFICATE_REGENERATE_DONE'"),
              HasSubstr("\"forced_over_phones\":6"));
}

TEST_F(GuardsStory, AllPhonesAreResetByAJob) {
  const test::Result done = instance_.sh("--yes utils phone reset all timeout 120s");
  EXPECT_EQ(done.status, 0) << done.out << done.err;
  EXPECT_THAT(done.out, HasSubstr("6 of 6 phones returned."));
  for (const auto& phone : fleet_->report().phones) EXPECT_GE(phone.resets, 1U) << phone.name;
  EXPECT_EQ(audited("PHONE_RESET_ALL_DONE"), "1");
}

TEST_F(GuardsStory, ARecoveryListStaysUntilCiscoTftpIsRestarted) {
  ASSERT_EQ(instance_.sh("--yes utils itl reset localkey").status, 0);
  const std::string recovery = signer();
  EXPECT_THAT(recovery, HasSubstr("ITLRECOVERY"));
  ASSERT_EQ(instance_.stop().status, 0);
  start();
  EXPECT_EQ(signer(), recovery);
  for (const int admin : instance_.processes("admin"))
    ASSERT_EQ(test::run({"kill", "-KILL", std::to_string(admin)}).status, 0);
  start();
  EXPECT_EQ(signer(), recovery);
  ASSERT_EQ(instance_.sh("utils service restart Cisco Tftp").status, 0);
  EXPECT_NE(signer(), recovery);
}

}  // namespace
}  // namespace ringfence

// What fails once a list is in force keeps no phone from being reset.

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fleet/fleet.h"
#include "tests/support/database_file.h"
#include "tests/support/eventually.h"
#include "tests/support/instance.h"

namespace ringfence {
namespace {

using fleet::Fleet;
using fleet::Report;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr auto kPatience = 180s;
constexpr std::size_t kPhones = 3;

class PublishFaults : public testing::Test {
 protected:
  void SetUp() override {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
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

  std::string sql(const std::string& text) {
    return test::sqlite3(instance_ / "db/admin.db", text);
  }

  std::string audited(const std::string& event) {
    return sql("select count(*) from audit where event = '" + event + "'");
  }

  void expect_all_were_reset() {
    for (const auto& phone : fleet_->report().phones) EXPECT_GE(phone.resets, 1U) << phone.name;
  }

  test::Instance instance_;
  std::unique_ptr<Fleet> fleet_;
};

TEST_F(PublishFaults, PhonesAreResetThoughTheGoodCopyCannotBeWritten) {
  const std::filesystem::path good = instance_ / "tftp/ITLFile.tlv.good";
  std::filesystem::remove(good);
  std::filesystem::create_directories(good / "in the way");
  const test::Result done = instance_.sh("--yes set cert regen CAPF timeout 120s");
  EXPECT_THAT(done.out, HasSubstr("3 of 3 phones returned"));
  EXPECT_THAT(done.out + done.err, HasSubstr("ITLFile.tlv.good could not be written"));
  expect_all_were_reset();
  EXPECT_EQ(audited("CERTIFICATE_REGENERATE_DONE"), "1");
  EXPECT_EQ(audited("CERT_REGENERATE_DONE"), "1");
  EXPECT_THAT(sql("select detail from audit where event = 'CERTIFICATE_REGENERATE_DONE'"),
              HasSubstr("could not be written"));
}

TEST_F(PublishFaults, PhonesAreResetThoughTheAuditLogCannotBeWritten) {
  sql("create trigger no_audit before insert on audit when new.event like '%_DONE'"
      " begin select raise(abort, 'the log is full'); end");
  const test::Result done = instance_.sh("--yes set cert regen CAPF timeout 120s");
  EXPECT_THAT(done.out, HasSubstr("3 of 3 phones returned"));
  EXPECT_THAT(done.out + done.err, HasSubstr("The audit log could not be written"));
  expect_all_were_reset();
  EXPECT_EQ(audited("CERTIFICATE_REGENERATE_FAILED"), "0") << "it did not fail";
  EXPECT_EQ(audited("CERT_REGENERATE_FAILED"), "0");
  sql("drop trigger no_audit");
  const test::Result again = instance_.sh("--yes set cert regen CAPF timeout 120s");
  EXPECT_THAT(again.out, HasSubstr("3 of 3 phones returned"));
  EXPECT_EQ(audited("CERTIFICATE_REGENERATE_DONE"), "2")
      << "what the log lacked is written once it can be";
}

}  // namespace
}  // namespace ringfence

// A whole instance with some phones that have registered and accepted its list.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/fleet/fleet.h"
#include "tests/support/database_file.h"
#include "tests/support/eventually.h"
#include "tests/support/instance.h"

namespace ringfence {

class HouseOfPhones : public testing::Test {
 protected:
  explicit HouseOfPhones(std::size_t phones) : phones_(phones) {}

  void SetUp() override {
    start();
    fleet::Options options;
    options.names = fleet::count_names(phones_);
    options.port_offset = instance_.port_offset();
    options.threads = 2;
    for (const std::string& name : options.names)
      ASSERT_EQ(instance_.sh("utils phone add " + name + " model CP-8861").status, 0);
    fleet_ = std::make_unique<fleet::Fleet>(options);
    fleet_->start();
    ASSERT_TRUE(fleet_->wait_until(
        [this](const fleet::Report& report) { return report.registered() == phones_; },
        std::chrono::seconds(180)));
    // What phones showed reaches ringfence-admin a moment after they registered.
    ASSERT_TRUE(test::eventually([&] {
      const boost::json::object list = instance_.json("show phone list");
      std::size_t accepted = 0;
      for (const boost::json::value& phone : list.at("phones").as_array())
        if (phone.at("itl").as_string() == "accepted") ++accepted;
      return accepted == phones_;
    }));
  }

  void TearDown() override {
    if (fleet_) fleet_->stop();
  }

  void start() {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  std::string sql(const std::string& text) {
    return test::sqlite3(instance_ / "db/admin.db", text);
  }

  /// audited returns how many records of an event the audit log has.
  std::string audited(const std::string& event) {
    return sql("select count(*) from audit where event = '" + event + "'");
  }

  test::Instance instance_;
  std::unique_ptr<fleet::Fleet> fleet_;

 private:
  const std::size_t phones_;
};

}  // namespace ringfence

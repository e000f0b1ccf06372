// What has ended long ago goes when the administrator says so, and nothing else; and who may read
// authentication strings.

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/bytes.h"
#include "core/base/file.h"
#include "tests/support/command.h"
#include "tests/support/database_file.h"
#include "tests/support/eventually.h"
#include "tests/support/instance.h"

namespace ringfence {
namespace {

using testing::HasSubstr;
using testing::Not;

class RetentionStory : public testing::Test {
 protected:
  void SetUp() override {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  std::string rows(const std::string& database, const std::string& query) {
    return test::sqlite3(instance_.state() / "db" / database, query);
  }

  test::Instance instance_;
};

TEST_F(RetentionStory, WhatEndedLongAgoGoesAndTheRestStays) {
  // Ten days ago; jobs 1 and 2 ended, 3 is the newest.
  rows("admin.db",
       "insert into job (id, kind, arguments, who, state, step, message, started, finished)"
       " select value, 'capf-bulk', '{}', 'anna', 'done', 'done', '', 0,"
       " strftime('%s', 'now', '-10 days') from json_each('[1, 2, 3]');"
       " insert into job_item (job, phone, state, changed) values (1, 'SEP1', 'failed', 0),"
       " (3, 'SEP1', 'failed', 0)");
  rows("capf.db",
       "insert into outcome (phone, request, operation, status, at) values"
       " ('SEP1', 1, 'install', 'failed', 0), ('SEP1', 2, 'install', 'failed', 0)");
  rows("callmanager.db",
       "insert into reset (id, device, kind, sent_at, status) values"
       " (-1, 'SEP1', 'reset', 0, 0), (-2, 'SEP1', 'reset', strftime('%s', 'now'), 0)");
  EXPECT_EQ(rows("admin.db", "select count(*) from job"), "3") << "a year is kept unless it is set";

  const test::Result set = instance_.sh("set retention jobs 7");
  EXPECT_EQ(set.status, 0) << set.out << set.err;
  EXPECT_THAT(set.out, HasSubstr("jobs are now kept for 7 days."));
  EXPECT_TRUE(test::eventually([&] { return rows("admin.db", "select id from job") == "3"; }));
  EXPECT_EQ(rows("admin.db", "select job from job_item"), "3");
  EXPECT_EQ(instance_.sh("set retention outcomes 7").status, 0);
  EXPECT_TRUE(
      test::eventually([&] { return rows("capf.db", "select request from outcome") == "2"; }));
  EXPECT_EQ(instance_.sh("set retention resets 7").status, 0);
  EXPECT_TRUE(
      test::eventually([&] { return rows("callmanager.db", "select id from reset") == "-2"; }));

  EXPECT_THAT(instance_.sh("show retention").out, HasSubstr("jobs             7"));
  const auto shown = boost::json::parse(instance_.sh("--json show retention").out);
  EXPECT_EQ(shown.at("kept").at(0).at("kind").as_string(), "jobs");
  EXPECT_EQ(shown.at("kept").at(0).at("days").as_int64(), 7);
  EXPECT_THAT(rows("admin.db", "select event from audit"), HasSubstr("RETENTION_SET"));
}

TEST_F(RetentionStory, WhatCannotBeSetIsRefusedAndNothingChanges) {
  for (const char* words : {"jobs 6", "jobs 3651", "audit 30", "jobs soon"}) {
    const test::Result refused = instance_.sh(std::string("set retention ") + words);
    EXPECT_EQ(refused.status, 1) << words << refused.out << refused.err;
  }
  EXPECT_EQ(instance_.sh("set retention jobs").status, 2);
  EXPECT_EQ(rows("admin.db", "select count(*) from setting where name like 'retention.%'"), "0");
}

TEST_F(RetentionStory, AuthenticationStringsStandInOneFileThatNobodyElseHasOpen) {
  ASSERT_EQ(instance_
                .sh("utils phone add SEP001122334455 operation install auth_mode auth-string"
                    " auth_string 5550177123")
                .status,
            0);
  EXPECT_EQ(rows("secrets.db", "select phone, value from auth_string"),
            "SEP001122334455|5550177123");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(instance_.state())) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().filename().string();
    if (name.starts_with("secrets.db")) {
      struct stat status {};

      ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
      EXPECT_EQ(status.st_mode & 0777, 0600U) << name;
      continue;
    }
    EXPECT_THAT(core::text_of(core::read_file(entry.path(), 64 << 20)),
                Not(HasSubstr("5550177123")))
        << name;
  }
}

}  // namespace
}  // namespace ringfence

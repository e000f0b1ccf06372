#include "core/audit/audit_log.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using testing::HasSubstr;

const Time kNow = from_seconds(1'795'255'200);

class AuditLogTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return folder_ / "admin.db"; }

  void fill(int count) {
    for (int i = 1; i <= count; ++i)
      log_.append(kNow + std::chrono::seconds(i), "root", "PHONE_SAVED",
                  R"({"number":)" + std::to_string(i) + "}");
  }

  /// tamper runs `sql` as someone who first takes the guards away.
  void tamper(const std::string& sql) {
    EXPECT_EQ(test::sqlite3(file(),
                            "drop trigger audit_is_never_changed;"
                            " drop trigger audit_is_never_shortened; " +
                                sql),
              "");
  }

  test::TemporaryFolder folder_;
  Database database_{file(), Schema::admin, Access::read_write};
  AuditLog log_{database_};
};

TEST_F(AuditLogTest, ReturnsTheLastRecordsOldestFirst) {
  EXPECT_TRUE(log_.last(5).empty());
  fill(4);
  const auto records = log_.last(2);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].sequence, 3);
  EXPECT_EQ(records[1].sequence, 4);
  EXPECT_EQ(records[1].at, kNow + std::chrono::seconds(4));
  EXPECT_EQ(records[1].who, "root");
  EXPECT_EQ(records[1].event, "PHONE_SAVED");
  EXPECT_EQ(records[1].detail, R"({"number":4})");
  EXPECT_EQ(log_.last(100).size(), 4U);
}

TEST_F(AuditLogTest, HashesWhatItsHeaderSays) {
  log_.append(from_seconds(1), "a", "B", "{}");
  // python3: sha256(b"0"*64 + pack(">QQ", 1, 1) + t(b"a") + t(b"B") + t(b"{}")), where t(s) is
  // pack(">I", len(s)) + s
  EXPECT_EQ(log_.last(1).at(0).hash,
            "6bc517d8fe06c04f54cbb7fbe64d4d57ca2f75d086ac6054aaacc104299053fc");
}

TEST_F(AuditLogTest, IsWholeAsItWasWritten) {
  EXPECT_EQ(log_.first_broken(), 0);
  fill(5);
  EXPECT_EQ(log_.first_broken(), 0);
}

TEST_F(AuditLogTest, CannotBeChangedThroughTheDatabase) {
  fill(2);
  for (const char* sql : {"update audit set who = 'eve'", "delete from audit where sequence = 2"})
    EXPECT_THAT(test::sqlite3(file(), sql), HasSubstr("the audit log is append-only"));
  EXPECT_EQ(test::sqlite3(file(), "select group_concat(who) from audit"), "root,root");
}

TEST_F(AuditLogTest, FindsAChangedField) {
  for (const char* change :
       {"who = 'eve'", "event = 'X'", "detail = '{}'", "at = at + 1", "hash = '00'", "sequence = 9",
        "who = 'rootP', event = 'HONE_SAVED'"}) {
    const test::TemporaryFolder folder;
    {
      Database database(folder / "admin.db", Schema::admin, Access::read_write);
      AuditLog log(database);
      for (int i = 0; i < 5; ++i) log.append(kNow, "root", "PHONE_SAVED", R"({"a":1})");
    }
    ASSERT_EQ(test::sqlite3(folder / "admin.db",
                            std::string("drop trigger audit_is_never_changed; update audit set ") +
                                change + " where sequence = 3"),
              "");
    Database database(folder / "admin.db", Schema::admin, Access::read_only);
    const std::int64_t broken = AuditLog(database).first_broken();
    EXPECT_EQ(broken, std::string(change).starts_with("sequence") ? 4 : 3) << change;
  }
}

TEST_F(AuditLogTest, FindsARecordTakenOut) {
  fill(5);
  tamper("delete from audit where sequence = 2");
  EXPECT_EQ(log_.first_broken(), 3);
}

TEST_F(AuditLogTest, FindsTheFirstRecordTakenOut) {
  fill(3);
  tamper("delete from audit where sequence = 1; update audit set sequence = sequence - 1");
  EXPECT_EQ(log_.first_broken(), 1);
}

TEST_F(AuditLogTest, KeepsItsChainUnderThreads) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) threads.emplace_back([&] { fill(10); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(log_.last(100).size(), 40U);
  EXPECT_EQ(log_.first_broken(), 0);
}

}  // namespace
}  // namespace ringfence::core

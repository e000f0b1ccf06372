// A COMMIT whose sync failed: what shows, what a crash brings back, and what settle() makes of it.
#include <atomic>
#include <stdexcept>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/storage/database.h"
#include "core/storage/rows.h"
#include "core/storage/setting_store.h"
#include "core/storage/write_group.h"
#include "tests/support/failing_sync.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

namespace fs = std::filesystem;

bool is_log(const std::string& path) {
  return path.ends_with("-wal");
}

class SettleTest : public testing::Test {
 protected:
  /// A log that has begun: its first commit would sync its header before any row.
  void SetUp() override { settings_.save("earlier", "0"); }

  /// after_a_crash returns the setting that another program finds when ours ends here: it has the
  /// two files, and not the shared memory.
  std::string after_a_crash(const std::string& name) {
    const fs::path there = crashed_ / std::to_string(++crashes_);
    fs::create_directories(there);
    for (const char* file : {"admin.db", "admin.db-wal"})
      fs::copy_file(folder_ / file, there / file);
    Database database(there / "admin.db", Schema::admin, Access::read_write);
    return SettingStore(database).find(name).value_or("");
  }

  void fail_to_save(const std::string& name) {
    const test::FailingSync disk(is_log);
    EXPECT_THROW(settings_.save(name, "1"), Error);
  }

  test::TemporaryFolder folder_;
  test::TemporaryFolder crashed_;
  int crashes_ = 0;
  Database database_{folder_ / "admin.db", Schema::admin, Access::read_write};
  SettingStore settings_{database_};
};

TEST_F(SettleTest, AFailedCommitCanComeBackAfterACrash) {
  fail_to_save("key");
  EXPECT_EQ(settings_.find("key"), std::nullopt);
  EXPECT_EQ(after_a_crash("key"), "1") << "then settle() is not needed any more";
}

TEST_F(SettleTest, MakesAFailedCommitVoid) {
  fail_to_save("key");
  database_.settle();
  EXPECT_EQ(settings_.find("key"), std::nullopt);
  EXPECT_EQ(after_a_crash("key"), "");
}

TEST_F(SettleTest, ThrowsAsLongAsTheDiskFails) {
  fail_to_save("key");
  {
    const test::FailingSync disk(is_log);
    EXPECT_THROW(database_.settle(), Error);
  }
  database_.settle();
  EXPECT_EQ(after_a_crash("key"), "");
}

TEST_F(SettleTest, IsDoneByTheNextCommitToo) {
  fail_to_save("key");
  settings_.save("other", "2");
  const test::FailingSync disk(is_log);
  database_.settle();
  EXPECT_EQ(after_a_crash("key"), "");
  EXPECT_EQ(after_a_crash("other"), "2");
}

TEST_F(SettleTest, WritesNothingWithoutAFailedCommit) {
  const test::FailingSync disk(is_log);
  database_.settle();
  EXPECT_THROW(database_.write([](soci::session&) { throw std::runtime_error("no"); }),
               std::runtime_error);
  database_.settle();
}

TEST_F(SettleTest, IsDoneByAWriteGroupWhoseDiskFailedOnce) {
  WriteGroup group(database_);
  std::atomic<int> syncs = 0;
  const test::FailingSync disk(
      [&](const std::string& path) { return is_log(path) && syncs++ == 0; });
  EXPECT_THROW(group.write([&](soci::session& /*sql*/) { settings_.save("key", "1"); }), Error);
  EXPECT_EQ(after_a_crash("key"), "");
}

}  // namespace
}  // namespace ringfence::core

#include "core/storage/write_group.h"

#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <latch>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/storage/rows.h"
#include "core/storage/setting_store.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using testing::HasSubstr;

class WriteGroupTest : public testing::Test {
 protected:
  /// put returns work that inserts a setting; a name twice is a conflict.
  static WriteGroup::Work put(const std::string& name, const std::string& value = "x") {
    return [name, value](soci::session& sql) {
      sql << "insert into setting (name, value) values (:name, :value)", soci::use(name),
          soci::use(value);
    };
  }

  std::filesystem::path file() const { return folder_ / "admin.db"; }

  std::string rows() const { return test::sqlite3(file(), "select count(*) from setting"); }

  test::TemporaryFolder folder_;
  Database database_{file(), Schema::admin, Access::read_write};
};

TEST_F(WriteGroupTest, HasCommittedWhenWriteReturns) {
  WriteGroup group(database_);
  group.write(put("a"));
  EXPECT_EQ(rows(), "1");
  const int count = group.write([](soci::session& sql) {
    int found = 0;
    sql << "select count(*) from setting", soci::into(found);
    return found;
  });
  EXPECT_EQ(count, 1);
}

/// held_up queues work that stands still until `go`, and returns when it has begun: what is brought
/// meanwhile is one group.
class HeldUp {
 public:
  explicit HeldUp(WriteGroup& group)
      : thread_([this, &group] {
          group.write([this](soci::session& /*sql*/) {
            begun_.count_down();
            go_.wait();
          });
        }) {
    begun_.wait();
  }

  HeldUp(const HeldUp&) = delete;
  HeldUp& operator=(const HeldUp&) = delete;

  ~HeldUp() { thread_.join(); }

  void go() { go_.count_down(); }

 private:
  std::latch begun_{1};
  std::latch go_{1};
  std::thread thread_;
};

TEST_F(WriteGroupTest, CommitsTogetherWhatWaitsAndFailsAloneWhatFails) {
  WriteGroup group(database_);
  std::atomic<int> conflicts = 0;
  std::vector<std::thread> callers;
  {
    HeldUp held(group);
    for (int i = 0; i < 20; ++i)
      callers.emplace_back([&, i] {
        try {
          group.write(put("name" + std::to_string(i % 10)));
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), Code::conflict);
          ++conflicts;
        }
      });
    while (group.counts().works == 0) std::this_thread::yield();
    group.queue(put("queued"), [](const std::exception&) {});
    held.go();
  }
  for (auto& caller : callers) caller.join();
  group.flush();
  EXPECT_EQ(conflicts, 10);
  EXPECT_EQ(rows(), "11");
  EXPECT_LT(group.counts().commits, group.counts().works);
}

TEST_F(WriteGroupTest, UndoesAllOfAPieceThatFailsInItsMiddleAndNothingElse) {
  WriteGroup group(database_);
  std::string why;
  HeldUp held(group);
  group.queue(put("first"), [&](const std::exception& error) { why = error.what(); });
  group.queue(
      [](soci::session& sql) {
        put("half")(sql);
        throw Error(Code::refused, "no more");
      },
      [&](const std::exception& error) { why = error.what(); });
  group.queue(put("last"), [&](const std::exception& error) { why = error.what(); });
  held.go();
  group.flush();
  EXPECT_EQ(why, "no more");
  EXPECT_EQ(test::sqlite3(file(), "select group_concat(name) from setting"), "first,last");
}

TEST_F(WriteGroupTest, KeepsTheOrderOfOneCaller) {
  WriteGroup group(database_);
  for (int i = 0; i < 300; ++i) {
    const auto set = [i](soci::session& sql) {
      sql << "insert into setting (name, value) values ('n', '0')"
             " on conflict (name) do update set value = :v",
          soci::use(i, "v");
    };
    group.queue(set, [](const std::exception& error) { ADD_FAILURE() << error.what(); });
  }
  group.flush();
  EXPECT_EQ(SettingStore(database_).find("n"), "299");
}

TEST_F(WriteGroupTest, WritesWhatIsQueuedWithoutBeingAskedAndAtItsEnd) {
  {
    WriteGroup group(database_);
    group.queue(put("soon"), [](const std::exception&) {});
    while (rows() != "1") std::this_thread::yield();
    for (int i = 0; i < 100; ++i) group.queue(put(std::to_string(i)), [](const std::exception&) {});
  }
  EXPECT_EQ(rows(), "101");
}

TEST_F(WriteGroupTest, MakesWhoBringsTooMuchWaitAndLosesNothing) {
  WriteGroup::Bounds bounds;
  bounds.waiting = 4;
  bounds.group = 3;
  WriteGroup group(database_, bounds);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&, caller] {
      for (int i = 0; i < 25; ++i)
        group.queue(put(std::to_string(caller) + "." + std::to_string(i)),
                    [](const std::exception& error) { ADD_FAILURE() << error.what(); });
    });
  for (auto& caller : callers) caller.join();
  group.flush();
  EXPECT_EQ(rows(), "100");
}

/// FullDisk makes each write beyond a file's size fail with EFBIG, which SQLite calls a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }

  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(WriteGroupTest, FailsTheWholeGroupWhenTheDiskIsFullAndGoesOnWhenThereIsRoom) {
  WriteGroup group(database_);
  group.write(put("before"));
  const auto log = std::filesystem::file_size(folder_ / "admin.db-wal");
  std::atomic<int> failed = 0;
  {
    HeldUp held(group);
    const FullDisk full(log + 20'000);
    for (int i = 0; i < 10; ++i)
      group.queue(put(std::to_string(i), std::string(8000, 'x')),
                  [&](const std::exception&) { ++failed; });
    held.go();
    try {
      group.write(put("in it"));
      FAIL() << "the disk was full";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::io);
      EXPECT_THAT(error.what(), HasSubstr("admin.db"));
    }
  }
  EXPECT_EQ(failed, 10);
  EXPECT_EQ(rows(), "1") << "half of a group stayed";
  group.write(put("after"));
  EXPECT_EQ(rows(), "2");
}

TEST_F(WriteGroupTest, LetsReadersBesideReadWhileItWrites) {
  WriteGroup group(database_);
  Database reader{Database::Beside{database_}};
  HeldUp held(group);  // its transaction is open
  EXPECT_EQ(SettingStore(reader).find("a"), std::nullopt);
  held.go();
  group.write(put("a"));
  EXPECT_EQ(SettingStore(reader).find("a"), "x");
  EXPECT_THROW(SettingStore(reader).save("b", "c"), Error);
}

/// A reader that kept its view of the file would keep the log from being begun anew.
TEST_F(WriteGroupTest, KeepsTheLogShortWhileOthersRead) {
  WriteGroup group(database_);
  Database reader{Database::Beside{database_}};
  for (int i = 0; i < 2000; ++i) {
    const auto work = put(std::to_string(i), std::string(8000, 'x'));
    group.queue(work, [](const std::exception& error) { ADD_FAILURE() << error.what(); });
    if (i % 100 != 0) continue;
    group.flush();
    EXPECT_EQ(SettingStore(reader).find(std::to_string(i))->size(), 8000U);
  }
  group.flush();
  EXPECT_GT(std::filesystem::file_size(file()), 12'000'000U);
  // It is copied back every 1000 pages of 4 KB, once the transaction at hand is written.
  EXPECT_LT(std::filesystem::file_size(folder_ / "admin.db-wal"), 10'000'000U);
}

}  // namespace
}  // namespace ringfence::core

// What is written a little later, in order, and is not lost meanwhile.
#include "core/storage/write_behind.h"

#include <atomic>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/storage/setting_store.h"
#include "tests/support/database_file.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

/// Gathered is an owner: it writes each name once as a setting, at most `kBatch` in a batch.
class Gathered {
 public:
  static constexpr std::size_t kBatch = 3;

  Gathered(Database& database, WriteGroup& group)
      : store_(database),
        behind_(
            group, {.event = "NAMES_WAIT", .gather = 5ms}, [this] { return take(); },
            [this](const Names& names) { save(names); }) {}

  void add(const std::string& name) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(name);
    }
    behind_.due();
  }

  int saves() const { return saves_; }

 private:
  std::pair<Names, bool> take() {
    const std::lock_guard lock(mutex_);
    const auto end =
        waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(kBatch, waiting_.size()));
    Names names(waiting_.begin(), end);
    waiting_.erase(waiting_.begin(), end);
    return {std::move(names), !waiting_.empty()};
  }

  void save(const Names& names) {
    ++saves_;
    for (const std::string& name : names) store_.save(name, "x");
  }

  SettingStore store_;
  std::mutex mutex_;
  Names waiting_;
  std::atomic<int> saves_ = 0;
  WriteBehind<Names> behind_;
};

class WriteBehindTest : public testing::Test {
 protected:
  std::string names() const {
    return test::sqlite3(file(),
                         "select group_concat(name) from (select name from setting"
                         " order by rowid)");
  }

  std::filesystem::path file() const { return folder_ / "tftp.db"; }

  test::TemporaryFolder folder_;
  Database database_{folder_ / "tftp.db", Schema::admin, Access::read_write};
  WriteGroup group_{database_};
};

TEST_F(WriteBehindTest, WritesInOrderWithoutBeingAskedAgain) {
  Gathered gathered(database_, group_);
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"}) gathered.add(name);
  EXPECT_TRUE(test::eventually([&] { return names() == "a,b,c,d,e,f,g"; })) << names();
  gathered.add("h");
  EXPECT_TRUE(test::eventually([&] { return names() == "a,b,c,d,e,f,g,h"; })) << names();
}

TEST_F(WriteBehindTest, KeepsWhatCouldNotBeWrittenAndWhatCameMeanwhile) {
  test::sqlite3(file(),
                "create trigger no before insert on setting begin"
                " select raise(abort, 'no'); end");
  Gathered gathered(database_, group_);
  gathered.add("a");
  EXPECT_TRUE(test::eventually([&] { return gathered.saves() > 0; }));
  gathered.add("b");
  EXPECT_EQ(names(), "");
  test::sqlite3(file(), "drop trigger no");
  EXPECT_TRUE(test::eventually([&] { return names() == "a,b"; })) << names();
}

TEST_F(WriteBehindTest, WritesWhatIsLeftAtItsEnd) {
  {
    Gathered gathered(database_, group_);
    for (int i = 0; i < 8; ++i) gathered.add(std::to_string(i));
  }
  EXPECT_EQ(names(), "0,1,2,3,4,5,6,7");
}

TEST_F(WriteBehindTest, WritesAtItsEndWhatHadFailedAndWhatCameAfterIt) {
  test::sqlite3(file(),
                "create trigger no before insert on setting begin"
                " select raise(abort, 'no'); end");
  {
    Gathered gathered(database_, group_);
    gathered.add("a");
    EXPECT_TRUE(test::eventually([&] { return gathered.saves() > 0; }));
    gathered.add("b");
    test::sqlite3(file(), "drop trigger no");
  }
  EXPECT_EQ(names(), "a,b");
}

TEST_F(WriteBehindTest, AGroupRunsWhatIsPutOffInItsTimeAndAtItsEnd) {
  std::string order;
  {
    WriteGroup group(database_);
    const auto note = [&order](char name) {
      return [&order, name](soci::session& /*sql*/) { order += name; };
    };
    const auto well = [](const std::exception_ptr& error) { EXPECT_FALSE(error); };
    group.later(1h, note('c'), well);
    group.later(30ms, note('b'), well);
    group.later(1ms, note('a'), well);
    EXPECT_TRUE(test::eventually([&] {
      std::string now;
      group.write([&](soci::session& /*sql*/) { now = order; });
      return now == "ab";
    }));
  }
  EXPECT_EQ(order, "abc");
}

}  // namespace
}  // namespace ringfence::core

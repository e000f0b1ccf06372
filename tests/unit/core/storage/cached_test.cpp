// What is read again when the database has changed, and not before.
#include "core/storage/cached.h"

#include <string>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/storage/setting_store.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

class CachedTest : public testing::Test {
 protected:
  Cached<std::string> cached(Database& database) {
    return Cached<std::string>(database, [this, &database] {
      ++made_;
      if (fails_) throw Error(Code::io, "no disk");
      return std::make_shared<const std::string>(SettingStore(database).find("a").value_or(""));
    });
  }

  test::TemporaryFolder folder_;
  Database writer_{folder_ / "admin.db", Schema::admin, Access::read_write};
  Database reader_{folder_ / "admin.db", Schema::admin, Access::read_only};
  int made_ = 0;
  bool fails_ = false;
};

TEST_F(CachedTest, IsMadeOnceUntilAnotherConnectionCommits) {
  auto values = cached(reader_);
  EXPECT_EQ(values.last(), nullptr);
  EXPECT_EQ(*values.get(), "");
  EXPECT_EQ(*values.get(), "");
  EXPECT_EQ(made_, 1);
  SettingStore(writer_).save("a", "1");
  EXPECT_EQ(*values.get(), "1");
  EXPECT_EQ(*values.get(), "1");
  EXPECT_EQ(made_, 2);
}

TEST_F(CachedTest, SeesTheCommitsOfItsOwnConnectionToo) {
  auto values = cached(writer_);
  EXPECT_EQ(*values.get(), "");
  SettingStore(writer_).save("a", "1");
  EXPECT_EQ(*values.get(), "1");
  {
    Database::Transaction undone(writer_);
    SettingStore(writer_).save("a", "2");
  }
  EXPECT_EQ(*values.get(), "1");
  EXPECT_EQ(made_, 2) << "what was rolled back is no change";
}

TEST_F(CachedTest, KeepsTheLastOneWhenTheNextCannotBeMadeAndTriesAgain) {
  auto values = cached(reader_);
  values.get();
  SettingStore(writer_).save("a", "1");
  fails_ = true;
  EXPECT_THROW(values.get(), Error);
  EXPECT_EQ(*values.last(), "");
  fails_ = false;
  EXPECT_EQ(*values.get(), "1");
}

TEST_F(CachedTest, IsMadeAgainWhenItIsOutdated) {
  auto values = cached(reader_);
  values.get();
  values.outdate();
  values.get();
  EXPECT_EQ(made_, 2);
}

TEST_F(CachedTest, CountsWhatIsCommittedWhileItIsMadeForTheNextTime) {
  bool again = true;
  Cached<std::string> values(reader_, [&] {
    auto made = std::make_shared<const std::string>(SettingStore(reader_).find("a").value_or(""));
    if (std::exchange(again, false)) SettingStore(writer_).save("a", "meanwhile");
    return made;
  });
  EXPECT_EQ(*values.get(), "");
  EXPECT_EQ(*values.get(), "meanwhile");
}

TEST_F(CachedTest, ASignalTakesADatabaseOpenedAnewForAChange) {
  ChangeSignal signal;
  int ran = 0;
  const auto work = [&] { ++ran; };
  EXPECT_TRUE(signal.on_change(reader_, work));
  EXPECT_FALSE(signal.on_change(reader_, work));
  Database other(folder_ / "admin.db", Schema::admin, Access::read_only);
  EXPECT_TRUE(signal.on_change(other, work));
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace ringfence::core

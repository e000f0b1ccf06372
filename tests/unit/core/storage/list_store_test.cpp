#include "core/trust/list_store.h"

#include <gtest/gtest.h>

#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

const Time kNow = from_seconds(1'795'255'200);

class ListStoreTest : public testing::Test {
 protected:
  std::int64_t add(ListKind kind, const Bytes& file) {
    return store_.add({0, kind, "CallManager", "abcd", "first start", file, kNow});
  }

  test::TemporaryFolder folder_;
  Database database_{folder_ / "admin.db", Schema::admin, Access::read_write};
  ListStore store_{database_};
};

TEST_F(ListStoreTest, ReturnsTheLastVersionByteForByte) {
  EXPECT_FALSE(store_.last(ListKind::itl).has_value());
  add(ListKind::itl, {1, 0, 2});
  const std::int64_t id = add(ListKind::itl, {3, 0, 0, 0xff});
  add(ListKind::ctl, {9});
  const auto last = store_.last(ListKind::itl);
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->id, id);
  EXPECT_EQ(last->kind, ListKind::itl);
  EXPECT_EQ(last->signer, "CallManager");
  EXPECT_EQ(last->sha1, "abcd");
  EXPECT_EQ(last->reason, "first start");
  EXPECT_EQ(last->file, (Bytes{3, 0, 0, 0xff}));
  EXPECT_EQ(last->published, kNow);
}

TEST_F(ListStoreTest, KeepsTheLastTwentyOfEachKind) {
  for (int i = 0; i < 5; ++i) add(ListKind::ctl, {1});
  std::int64_t newest = 0;
  for (int i = 0; i < 25; ++i) newest = add(ListKind::itl, {2});
  const auto versions = store_.list(ListKind::itl);
  ASSERT_EQ(versions.size(), 20U);
  EXPECT_EQ(versions.front().id, newest);
  for (std::size_t i = 1; i < versions.size(); ++i) EXPECT_GT(versions[i - 1].id, versions[i].id);
  EXPECT_TRUE(versions.front().file.empty()) << "the list comes without files";
  EXPECT_EQ(store_.list(ListKind::ctl).size(), 5U);
  EXPECT_EQ(test::sqlite3(folder_ / "admin.db", "select count(*) from trust_list_version"), "25");
}

TEST_F(ListStoreTest, FindsTheVeryFileThatAPhoneFetched) {
  const std::int64_t id = add(ListKind::itl, {1, 2, 3});
  const auto found = store_.find(ListKind::itl, "abcd");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->id, id);
  EXPECT_EQ(found->file, (Bytes{1, 2, 3}));
  EXPECT_FALSE(store_.find(ListKind::itl, "ffff").has_value());
  EXPECT_FALSE(store_.find(ListKind::ctl, "abcd").has_value());
}

}  // namespace
}  // namespace ringfence::core

// Database::read sees one state of the file, however many selects it makes.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/storage/database.h"
#include "core/storage/rows.h"
#include "core/storage/setting_store.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

std::string value_of(Database& database, const std::string& name) {
  return SettingStore(database).find(name).value_or("");
}

class SnapshotTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  Database database_{folder_ / "admin.db", Schema::admin, Access::read_write};
};

TEST_F(SnapshotTest, OfAReaderBesideDoesNotChangeBetweenItsSelects) {
  SettingStore(database_).save("list", "old");
  SettingStore(database_).save("signer", "old");
  Database beside(Database::Beside{database_});
  beside.read([&](soci::session& /*sql*/) {
    EXPECT_EQ(value_of(beside, "list"), "old");
    Database::Transaction both(database_);
    SettingStore(database_).save("list", "new");
    SettingStore(database_).save("signer", "new");
    both.commit();
    EXPECT_EQ(value_of(beside, "signer"), "old");
  });
  EXPECT_EQ(value_of(beside, "signer"), "new");
}

TEST_F(SnapshotTest, InATransactionSeesWhatItWrote) {
  Database::Transaction transaction(database_);
  SettingStore(database_).save("a", "1");
  EXPECT_EQ(value_of(database_, "a"), "1");
  transaction.commit();
  EXPECT_EQ(value_of(database_, "a"), "1");
}

TEST_F(SnapshotTest, EndsWithAReadThatThrows) {
  EXPECT_THROW(database_.read([](soci::session& sql) { sql << "select nothing from nowhere"; }),
               Error);
  SettingStore(database_).save("a", "1");  // BEGIN would fail inside a transaction
  EXPECT_EQ(value_of(database_, "a"), "1");
}

TEST_F(SnapshotTest, IsNotWrittenFrom) {
  database_.read([&](soci::session& /*sql*/) {
    try {
      SettingStore(database_).save("a", "1");
      ADD_FAILURE() << "it was written";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::internal);
    }
  });
  EXPECT_EQ(value_of(database_, "a"), "");
}

}  // namespace
}  // namespace ringfence::core

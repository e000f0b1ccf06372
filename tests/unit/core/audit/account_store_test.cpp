#include "core/audit/account_store.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

class AccountStoreTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  Database database_{folder_ / "admin.db", Schema::admin, Access::read_write};
  AccountStore store_{database_};
};

TEST_F(AccountStoreTest, KeepsNamesAndLevels) {
  EXPECT_EQ(store_.find("root").has_value(), false);
  store_.save({"root", 1});
  store_.save({"anna", 0});
  store_.save({"root", 4});
  EXPECT_EQ(store_.find("root")->level, 4);
  EXPECT_EQ(store_.find("root")->name, "root");
  const auto all = store_.list();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].name, "anna");
  EXPECT_EQ(all[0].level, 0);
}

TEST_F(AccountStoreTest, RefusesWhatIsNoAccount) {
  for (const Account& account : {Account{"", 0}, Account{"anna", 2}, Account{"anna", -1}}) {
    try {
      store_.save(account);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::malformed);
    }
  }
  EXPECT_NE(test::sqlite3(folder_ / "admin.db", "insert into account values ('eve', 3)"), "");
  EXPECT_TRUE(store_.list().empty());
}

}  // namespace
}  // namespace ringfence::core

#include "core/phones/fetch_store.h"

#include <gtest/gtest.h>

#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using std::chrono::seconds;

const Time kNow = from_seconds(1'795'255'200);

class FetchStoreTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  Database database_{folder_ / "tftp.db", Schema::tftp, Access::read_write};
  FetchStore store_{database_};
};

TEST_F(FetchStoreTest, KeepsTheLastListOfADevice) {
  EXPECT_EQ(store_.last_itl("SEP1"), std::nullopt);
  store_.save({{"SEP1", "ITLSEP1.tlv", "aa", "10.0.0.1", kNow},
               {"SEP1", "CTLSEP1.tlv", "cc", "10.0.0.1", kNow + seconds(5)},
               {"SEP1", "SEP1.cnf.xml.sgn", "dd", "10.0.0.1", kNow + seconds(6)}});
  store_.save({{"SEP1", "ITLSEP1.tlv", "bb", "10.0.0.1", kNow + seconds(1)}});
  const auto fetch = store_.last_itl("SEP1");
  ASSERT_TRUE(fetch.has_value());
  EXPECT_EQ(fetch->device, "SEP1");
  EXPECT_EQ(fetch->file, "ITLSEP1.tlv");
  EXPECT_EQ(fetch->sha1, "bb");
  EXPECT_EQ(fetch->peer, "10.0.0.1");
  EXPECT_EQ(fetch->at, kNow + seconds(1));
  EXPECT_EQ(test::sqlite3(folder_ / "tftp.db", "select kind from fetch order by kind"),
            "config\nctl\nitl");
}

TEST_F(FetchStoreTest, TakesTheNewestOfAllPeersOncePerDevice) {
  store_.save({{"SEP1", "ITLSEP1.tlv", "old", "10.0.0.1", kNow},
               {"SEP1", "ITLSEP1.tlv", "new", "10.0.0.2", kNow + seconds(9)},
               {"SEP2", "ITLSEP2.tlv", "two", "10.0.0.3", kNow},
               {"", "ITLFile.tlv", "generic", "10.0.0.4", kNow}});
  EXPECT_EQ(store_.last_itl("SEP1")->sha1, "new");
  const auto all = store_.last_itls();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].sha1, "new");
  EXPECT_EQ(all[1].device, "SEP2");
  EXPECT_EQ(store_.last_itl("")->sha1, "generic");
}

TEST_F(FetchStoreTest, TellsTheNewestByItsOrderWhenTheClockIsSetBack) {
  store_.save({{"SEP1", "ITLSEP1.tlv", "old", "10.0.0.1", kNow}});
  store_.save({{"SEP1", "SEP1.cnf.xml", "old", "10.0.0.1", kNow}});
  store_.save({{"SEP1", "ITLSEP1.tlv", "new", "10.0.0.2", kNow - seconds(9000)}});
  store_.save({{"SEP1", "SEP1.cnf.xml", "new", "10.0.0.2", kNow - seconds(9000)}});
  EXPECT_EQ(store_.last_itl("SEP1")->sha1, "new");
  EXPECT_EQ(store_.last_config("SEP1")->sha1, "new");
  EXPECT_EQ(store_.last_itls().at(0).sha1, "new");
  EXPECT_EQ(store_.of("SEP1").at(0).peer, "10.0.0.2");
  store_.save({{"SEP1", "ITLSEP1.tlv", "again", "10.0.0.1", kNow - seconds(8000)}});
  EXPECT_EQ(store_.last_itl("SEP1")->sha1, "again");
}

TEST_F(FetchStoreTest, KeepsTheNewestPeersOnlyWhoeverFetches) {
  std::vector<Fetch> fetches;
  for (int i = 0; i < 3000; ++i) {
    const std::string peer = "2001:db8::" + std::to_string(i);
    fetches.push_back({"", "ITLFile.tlv", "aa", peer, kNow + seconds(i)});
    fetches.push_back({"SEP1", "ITLSEP1.tlv", std::to_string(i), peer, kNow + seconds(i)});
  }
  fetches.push_back({"SEP2", "ITLSEP2.tlv", "bb", "10.0.0.1", kNow});
  store_.save(fetches);
  const std::string count = "select count(*) from fetch where device = ";
  EXPECT_EQ(test::sqlite3(folder_ / "tftp.db", count + "''"), "1000");
  EXPECT_EQ(test::sqlite3(folder_ / "tftp.db", count + "'SEP1'"), "8");
  EXPECT_EQ(store_.last_itl("SEP1")->sha1, "2999");
  EXPECT_EQ(store_.last_itl("SEP2")->sha1, "bb");
}

TEST_F(FetchStoreTest, KeepsWhichStateOfTheRecordAConfigurationWasMadeFrom) {
  EXPECT_FALSE(store_.last_config("SEP1").has_value());
  store_.save({{"SEP1", "SEP1.cnf.xml.sgn", "aa", "10.0.0.1", kNow, "{one}"},
               {"SEP1", "SEP1.cnf.xml", "bb", "10.0.0.2", kNow + seconds(3), "{two}"},
               {"SEP1", "ITLSEP1.tlv", "cc", "10.0.0.1", kNow + seconds(9)}});
  const auto config = store_.last_config("SEP1");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->stamp, "{two}");
  EXPECT_EQ(config->at, kNow + seconds(3));
  EXPECT_EQ(store_.last_itl("SEP1")->stamp, "");
}

}  // namespace
}  // namespace ringfence::core

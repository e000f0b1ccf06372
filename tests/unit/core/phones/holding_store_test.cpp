#include "core/phones/holding_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using testing::ElementsAre;

const TrustSign::Time kDay{std::chrono::milliseconds(1'795'255'200'000)};
const std::string kHome = "10.0.0.5";

TEST(HoldingStoreTest, KeepsOneHoldingAPhone) {
  const test::TemporaryFolder folder;
  Database database(folder / "admin.db", Schema::admin, Access::read_write);
  HoldingStore store(database);
  const Holding one{"SEP1", "l1", kHome, "why", kDay, AddressProof::identified};
  Holding two{"SEP2", "", kHome, "", kDay};
  store.save({one, two});
  two.sha1 = "l2";
  two.address_proof = AddressProof::registered;
  store.save({two});
  EXPECT_THAT(store.list(), ElementsAre(one, two));
  EXPECT_EQ(store.find("SEP2"), two);
  store.remove("SEP1");
  EXPECT_THAT(store.list(), ElementsAre(two));
}

TEST(HoldingStoreTest, AHomeIsWhereAPhoneHasShownWhoItIs) {
  const test::TemporaryFolder folder;
  Database database(folder / "admin.db", Schema::admin, Access::read_write);
  HoldingStore store(database);
  store.save({{"SEP1", "l1", "10.0.0.1", "", kDay, AddressProof::identified},
              {"SEP2", "l1", "10.0.0.2", "", kDay, AddressProof::registered},
              {"SEP3", "l1", "10.0.0.3", "", kDay, AddressProof::none}});
  const std::unordered_map<std::string, std::string> expected{{"SEP1", "10.0.0.1"}};
  EXPECT_EQ(store.homes(), expected) << "anybody can fetch and register in a phone's name";
}

}  // namespace
}  // namespace ringfence::core

// What a report reads of capf.db: the same as EnrolmentStore says phone by phone.
#include "core/phones/capf_inventory.h"

#include <gmock/gmock.h>

#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const Time kNow = from_seconds(1'795'255'200);

class CapfInventoryTest : public testing::Test {
 protected:
  void issue(const std::string& phone, std::uint8_t serial, Time at) {
    IssuedCertificate one;
    one.phone = phone;
    one.request = serial;
    one.serial = {serial};
    one.subject = "CN=" + phone;
    one.issuer = "CN=CAPF-1";
    one.der = {1, 2, 3};
    one.key = "RSA 2048";
    one.not_after = at + hours(24);
    one.issued_at = at;
    store_.issued(one);
  }

  void confirm(std::uint8_t serial, Time at) { store_.confirmed(Bytes{serial}, at); }

  test::TemporaryFolder folder_;
  Database database_{folder_ / "capf.db", Schema::capf, Access::read_write};
  EnrolmentStore store_{database_};
  CapfInventory inventory_{database_};
};

TEST_F(CapfInventoryTest, SaysOfEachPhoneWhatTheJournalSays) {
  issue("SEP1", 1, kNow - hours(2));
  confirm(1, kNow - hours(2));
  issue("SEP1", 2, kNow - hours(1));
  confirm(2, kNow - hours(1));
  issue("SEP2", 3, kNow - hours(1));  // never confirmed
  store_.finished({"SEP2", 3, Operation::install, OperationStatus::communication_failure, kNow});
  store_.requested({"SEP3", 4, {9}, "EC P-384", "CP-8861", "192.0.2.1:9", kNow, {}});
  issue("SEP4", 5, kNow);
  confirm(5, kNow);
  store_.removed("SEP4", 6, kNow);

  const auto states = inventory_.between("", "SEP9");
  ASSERT_EQ(states.size(), 4U);
  EXPECT_EQ(states.at("SEP1").held->serial, store_.held("SEP1")->serial);
  EXPECT_EQ(states.at("SEP1").held->serial, Bytes{2});
  EXPECT_EQ(states.at("SEP1").last->status, OperationStatus::success);
  EXPECT_EQ(states.at("SEP1").last->request, 2);
  EXPECT_EQ(states.at("SEP1").stale(kNow), 0U);
  EXPECT_FALSE(states.at("SEP2").held.has_value());
  EXPECT_EQ(states.at("SEP2").stale(kNow), 1U);
  EXPECT_EQ(states.at("SEP2").last->status, OperationStatus::communication_failure);
  EXPECT_EQ(states.at("SEP3").csr->key, "EC P-384");
  EXPECT_FALSE(states.at("SEP4").held.has_value()) << "deleted";
  EXPECT_EQ(states.at("SEP4").last->operation, Operation::remove);

  EXPECT_EQ(inventory_.of("SEP2").unconfirmed.size(), 1U);
  EXPECT_FALSE(inventory_.of("SEP7").last.has_value());
}

TEST_F(CapfInventoryTest, ReadsOnlyTheRangeAskedFor) {
  for (const std::string phone : {"SEP1", "SEP2", "SEP3"})
    store_.finished({phone, 1, Operation::install, OperationStatus::failed, kNow});
  const auto states = inventory_.between("SEP1", "SEP2");
  ASSERT_EQ(states.size(), 1U);
  EXPECT_TRUE(states.contains("SEP2"));
}

TEST_F(CapfInventoryTest, CountsACertificateAsStaleOnlyOnceItsSessionMustBeOver) {
  issue("SEP1", 1, kNow);
  EXPECT_EQ(inventory_.of("SEP1").stale(kNow + seconds(119)), 0U);
  EXPECT_EQ(inventory_.of("SEP1").stale(kNow + seconds(121)), 1U);
  EXPECT_EQ(store_.stale(kNow + seconds(121)).size(), 1U);
  store_.clear_stale(std::nullopt, kNow + seconds(121));
  EXPECT_EQ(inventory_.of("SEP1").stale(kNow + seconds(500)), 0U);
}

TEST_F(CapfInventoryTest, ScansAlongTheIndexOfNames) {
  for (const std::string condition : {"confirmed_at is not null and deleted_at is null",
                                      "confirmed_at is null and cleared_at is null"})
    EXPECT_THAT(test::sqlite3(folder_ / "capf.db",
                              "explain query plan select key from issued where phone > 'a' and"
                              " phone <= 'b' and " +
                                  condition + " order by phone"),
                testing::HasSubstr("SEARCH issued USING INDEX issued_by_"));
}

}  // namespace
}  // namespace ringfence::core

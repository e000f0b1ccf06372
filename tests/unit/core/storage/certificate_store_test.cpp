#include "core/certificates/certificate_store.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

const Time kNow = from_seconds(1'795'255'200);

Bytes every_byte() {
  Bytes bytes(1024);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  return bytes;
}

class CertificateStoreTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  Database database_{folder_ / "admin.db", Schema::admin, Access::read_write};
  CertificateStore store_{database_};
};

TEST_F(CertificateStoreTest, KeepsACertificateByteForByteWithItsKey) {
  store_.replace({Unit::capf, every_byte(), {"CAPF", 3}, kNow, "Self-signed"},
                 {{"CAPF-trust", "CAPF-7f0ae8d7.pem", every_byte(), kNow, "own"}});
  Database reader(folder_ / "admin.db", Schema::admin, Access::read_only);
  const auto own = CertificateStore(reader).own(Unit::capf);
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->unit, Unit::capf);
  EXPECT_EQ(own->der, every_byte());
  EXPECT_EQ(own->key, (KeyRef{"CAPF", 3}));
  EXPECT_EQ(own->created, kNow);
  EXPECT_EQ(own->description, "Self-signed");
  EXPECT_FALSE(CertificateStore(reader).own(Unit::tvs).has_value());
  const auto trusted = CertificateStore(reader).trusted("CAPF-trust");
  ASSERT_EQ(trusted.size(), 1U);
  EXPECT_EQ(trusted[0].file, "CAPF-7f0ae8d7.pem");
  EXPECT_EQ(trusted[0].der, every_byte());
  EXPECT_EQ(trusted[0].added, kNow);
  EXPECT_EQ(trusted[0].description, "own");
}

TEST_F(CertificateStoreTest, ReplacesTheCurrentOneAndKeepsWhatIsTrusted) {
  store_.replace({Unit::capf, {1}, {"CAPF", 1}, kNow, ""},
                 {{"CAPF-trust", "CAPF-1.pem", {1}, kNow, ""}});
  store_.replace({Unit::capf, {2}, {"CAPF", 2}, kNow, ""},
                 {{"CallManager-trust", "CAPF-2.pem", {2}, kNow, ""},
                  {"CAPF-trust", "CAPF-2.pem", {2}, kNow, ""},
                  {"CAPF-trust", "CAPF-1.pem", {9}, kNow, "again"}});
  EXPECT_EQ(store_.own(Unit::capf)->der, Bytes{2});
  EXPECT_EQ(store_.own(Unit::capf)->key.version, 2U);
  EXPECT_EQ(test::sqlite3(folder_ / "admin.db",
                          "select store, file, der, description from trust_certificate"
                          " order by store, file"),
            "CAPF-trust|CAPF-1.pem|09|again\nCAPF-trust|CAPF-2.pem|02|\n"
            "CallManager-trust|CAPF-2.pem|02|");
  EXPECT_EQ(store_.trusted().size(), 3U);
  EXPECT_EQ(store_.trusted("CallManager-trust").size(), 1U);
  EXPECT_TRUE(store_.trusted("TVS-trust").empty());
}

TEST_F(CertificateStoreTest, ListsTheOwnOnesInTheOrderOfTheUnits) {
  for (const Unit unit :
       {Unit::tvs, Unit::capf, Unit::itl_recovery, Unit::call_manager_ecdsa, Unit::call_manager})
    store_.replace({unit, {1}, {std::string(name(unit)), 1}, kNow, ""}, {});
  const auto all = store_.all_own();
  ASSERT_EQ(all.size(), kUnits.size());
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].unit, kUnits.at(i));
}

TEST_F(CertificateStoreTest, RefusesADamagedRow) {
  store_.replace({Unit::capf, {1}, {"CAPF", 1}, kNow, ""}, {});
  test::sqlite3(folder_ / "admin.db", "update certificate set der = 'xyz'");
  try {
    store_.own(Unit::capf);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::malformed);
  }
}

TEST_F(CertificateStoreTest, ChangesNothingWhenAnEntryCannotBeWritten) {
  store_.replace({Unit::capf, {1}, {"CAPF", 1}, kNow, ""}, {});
  test::sqlite3(folder_ / "admin.db",
                "create trigger full before insert on trust_certificate"
                " begin select raise(abort, 'disk full'); end");
  EXPECT_THROW(store_.replace({Unit::capf, {2}, {"CAPF", 2}, kNow, ""},
                              {{"CAPF-trust", "CAPF-2.pem", {2}, kNow, ""}}),
               Error);
  EXPECT_EQ(store_.own(Unit::capf)->der, Bytes{1});
}

}  // namespace
}  // namespace ringfence::core

// The file of the journal: migrated, indexed, written by many.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/phones/capf_inventory.h"
#include "core/phones/enrolment_store.h"
#include "tests/support/database_file.h"
#include "tests/unit/core/phones/enrolment_fixture.h"

namespace ringfence::core {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST(EnrolmentStoreMigration, KeepsTheRowsOfAFileOfVersionOne) {
  const test::TemporaryFolder folder;
  const auto path = folder / "capf.db";
  { const Database database(path, Schema::capf, Access::read_write); }
  test::sqlite3(
      path,
      "drop table journal_number; drop table shown_lsc; drop table attempt;"
      " drop table security_event; drop table security_more;"
      " drop index issued_by_hold; drop index issued_by_key;"
      " alter table issued drop column sequence; alter table issued drop column held_sequence;"
      " alter table issued drop column key_hash; alter table issued drop column peer;"
      " alter table issued drop column elsewhere; alter table issued drop column missing_at;"
      " alter table issued drop column proof; alter table outcome drop column peer;"
      " drop index issued_unconfirmed; drop index outcome_by_time; drop table csr;"
      " drop table event; drop table trust_sign; drop table device_change;"
      " alter table issued drop column cleared_at; pragma user_version = 1;"
      " insert into issued values ('01', 'CSFa', 7, 'CN=a', 'CN=CAPF', '3000', 'RSA 2048',"
      " 2000000000, 1795255200, 1795255201, 1795255202, null);"
      " insert into issued values ('02', 'CSFb', 8, 'CN=b', 'CN=CAPF', '3000', 'RSA 2048',"
      " 2000000000, 1795255200, null, null, null);"
      " insert into outcome values ('CSFa', 7, 'install', 'success', 1795255202)");
  Database database(path, Schema::capf, Access::read_write);
  EnrolmentStore store(database);
  ASSERT_TRUE(store.held("CSFa"));
  EXPECT_EQ(store.held("CSFa")->request, 7);
  EXPECT_EQ(store.held("CSFa")->cleared_at, std::nullopt);
  EXPECT_EQ(store.outcome("CSFa", 7)->status, OperationStatus::success);
  ASSERT_EQ(store.stale(kNow + hours(1)).size(), 1U);
  EXPECT_EQ(store.clear_stale("CSFb", kNow + hours(1)), 1U);
  store.happened({0, kNow, "CSFa", "10.1.2.3:4711", "late", "it came too late"});
  EXPECT_EQ(store.events("CSFa").size(), 1U);
  EXPECT_TRUE(store.csrs().empty());
}

/// A session's calls must cost the same with a hundred phones and with a hundred thousand.
TEST_F(EnrolmentStoreTest, NeverReadsAWholeTableForASession) {
  for (const char* query :
       {"select der from issued where serial = 'a'",
        "select der from issued where held_sequence is not null and deleted_at is null"
        " and phone = 'a' order by held_sequence desc limit 1",
        "select 1 from issued where phone = 'a' and confirmed_at is not null"
        " and deleted_at is null and held_sequence is null and elsewhere <> '' and sequence > 1",
        "select count(*) from issued where phone = 'a' and request = 1"
        " and substr(peer, 1, 2) = 'a:'",
        "select phone from issued where key_hash = 'a' and key_hash <> '' and phone <> 'b'",
        "select phone from csr where spki = 'a' and phone <> 'b'",
        "select count from attempt where phone = 'a'",
        "select count(*) from security_event where phone = 'a' and kind = 'b' and at > 1",
        "select count(*) from security_event where at > 1",
        "select status from outcome where phone = 'a' and request = 1",
        "select spki from csr where phone = 'a'",
        "update issued set delivered_at = 1 where serial = 'a'",
        "update issued set confirmed_at = 1 where serial = 'a'",
        "update issued set deleted_at = 1 where phone = 'a' and confirmed_at is not null"
        " and deleted_at is null",
        "delete from csr where phone = 'a' and serial = 'b'",
        "delete from event where phone = 'a' and id <= (select id from event where phone = 'a'"
        " order by id desc limit 1 offset 50)"}) {
    const std::string plan = test::sqlite3(file(), std::string("explain query plan ") + query);
    EXPECT_THAT(plan, testing::HasSubstr("SEARCH")) << query;
    EXPECT_THAT(plan, testing::Not(testing::HasSubstr("SCAN"))) << query << "\n" << plan;
  }
}

/// With a group, what need not be waited for is not, and still comes behind what came before.
TEST_F(EnrolmentStoreTest, WritesThroughAGroupInOrder) {
  Database reader{Database::Beside{database_}};
  const EnrolmentStore seen(reader);
  {
    WriteGroup group(database_);
    EnrolmentStore store(database_, group);
    IssuedCertificate certificate;
    for (std::uint8_t i = 1; i <= 50; ++i) {
      certificate.phone = "CSF" + std::to_string(i);
      certificate.request = i;
      certificate.serial = {i};
      store.issued(certificate);
      EXPECT_TRUE(seen.certificate(certificate.serial)) << "it was not committed on return";
      store.delivered(certificate.serial, kNow);
      store.happened({0, kNow, certificate.phone, "10.1.2.3:4711", "late", "it came too late"});
      store.confirmed(certificate.serial, kNow);
      EXPECT_EQ(seen.held(certificate.phone)->delivered_at, kNow);
      EXPECT_EQ(seen.events(certificate.phone).size(), 1U);
    }
    EXPECT_THROW(store.issued(certificate), Error);
    EXPECT_EQ(group.counts().works, 201U);
    EXPECT_EQ(group.counts().commits, 101U) << "a queued write did not travel with another";
    store.delivered(Bytes{77}, kNow);  // logged, and nobody falls over it
    certificate.serial = {51};
    store.issued(certificate);
    store.delivered(certificate.serial, kNow);
  }
  EXPECT_EQ(seen.certificate(Bytes{51})->delivered_at, kNow) << "the last one was lost at the end";
}

}  // namespace
}  // namespace ringfence::core

#include "core/phones/phone_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

const Time kNow = from_seconds(4'102'444'800);  // 2100: past 32 bits

Phone phone_named(const std::string& name) {
  Phone phone;
  phone.name = name;
  return phone;
}

Phone asking(const std::string& name) {
  Phone phone = phone_named(name);
  phone.capf.operation = Operation::install;
  phone.capf.completes_by = kNow;
  return phone;
}

class PhoneStoreTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return folder_ / "admin.db"; }

  Phone stored(const std::string& name) const { return store_.find(name).value(); }

  test::TemporaryFolder folder_;
  Database database_{file(), Schema::admin, Access::read_write};
  Database secrets_{folder_ / "secrets.db", Schema::secrets, Access::read_write};
  PhoneStore store_{database_, secrets_};
};

TEST_F(PhoneStoreTest, TellsNamesAndStampsWithoutTheRest) {
  EXPECT_TRUE(store_.stamps().empty());
  store_.save({phone_named("CSFbob"), asking("CSFanna")}, PhoneStore::Ask::changed_only);
  const std::unordered_map<std::string, std::string> expected = {
      {"CSFbob", stored("CSFbob").config_stamp}, {"CSFanna", stored("CSFanna").config_stamp}};
  EXPECT_EQ(store_.stamps(), expected);
  EXPECT_TRUE(store_.has("CSFanna"));
  EXPECT_FALSE(store_.has("CSFann"));
  EXPECT_FALSE(store_.has("csfanna"));
}

TEST_F(PhoneStoreTest, KeepsEveryField) {
  Phone phone = phone_named("SEP001122334455");
  phone.model = "CP-8861";
  phone.description = "O'Neil; \"drop\" :x \xc3\xa4";
  phone.device_pool = "Berlin";
  phone.capf = {
      Operation::troubleshoot, AuthMode::mic, "0123", KeyOrder::ec_preferred, 4096, 521, kNow, 0};
  store_.save({phone}, PhoneStore::Ask::changed_only);
  Database reader(file(), Schema::admin, Access::read_only);
  Phone found = PhoneStore(reader, secrets_).find("SEP001122334455").value();
  EXPECT_EQ(found.capf.request, 1);
  EXPECT_THAT(found.config_stamp,
              testing::MatchesRegex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"));
  phone.capf.request = 1;
  phone.config_stamp = found.config_stamp;
  EXPECT_EQ(found, phone);
  EXPECT_EQ(
      test::sqlite3(file(), "select operation, auth_mode, key_order, completes_by from phone"),
      "troubleshoot|mic|ec-preferred|4102444800");
}

TEST_F(PhoneStoreTest, ListsByNameAndCounts) {
  EXPECT_TRUE(store_.list().empty());
  EXPECT_EQ(store_.find("CSFa"), std::nullopt);
  store_.save({phone_named("CSFb"), asking("CSFa"), phone_named("ATA001122334455")},
              PhoneStore::Ask::changed_only);
  const auto phones = store_.list();
  ASSERT_EQ(phones.size(), 3U);
  EXPECT_EQ(phones[0].name, "ATA001122334455");
  EXPECT_EQ(phones[1].name, "CSFa");
  EXPECT_EQ(phones[1].capf.completes_by, kNow);
  EXPECT_EQ(phones[2].name, "CSFb");
  EXPECT_EQ(phones[2].capf.completes_by, std::nullopt) << "a time was left from the row before";
  EXPECT_EQ(store_.count(), 3U);
}

TEST_F(PhoneStoreTest, NumbersWhatIsAskedAcrossThePhones) {
  store_.save({asking("CSFa"), phone_named("CSFb"), asking("CSFc")}, PhoneStore::Ask::changed_only);
  EXPECT_EQ(stored("CSFa").capf.request, 1);
  EXPECT_EQ(stored("CSFb").capf.request, 0);
  EXPECT_EQ(stored("CSFc").capf.request, 2);
  store_.save({asking("CSFb")}, PhoneStore::Ask::changed_only);
  EXPECT_EQ(stored("CSFb").capf.request, 3);
  store_.remove("CSFb");
  store_.save({asking("CSFb")}, PhoneStore::Ask::changed_only);
  EXPECT_EQ(stored("CSFb").capf.request, 4) << "a number was given twice";
}

TEST_F(PhoneStoreTest, AsksAgainOnlyWhenSomethingChangedOrWhenTold) {
  store_.save({asking("CSFa")}, PhoneStore::Ask::changed_only);
  Phone phone = stored("CSFa");
  phone.description = "other";
  store_.save({phone}, PhoneStore::Ask::changed_only);
  EXPECT_EQ(stored("CSFa").capf.request, 1);
  store_.save({stored("CSFa")}, PhoneStore::Ask::again);
  EXPECT_EQ(stored("CSFa").capf.request, 2);
  phone = stored("CSFa");
  phone.capf.operation = Operation::remove;
  store_.save({phone}, PhoneStore::Ask::changed_only);
  EXPECT_EQ(stored("CSFa").capf.request, 3);
  phone = stored("CSFa");
  phone.capf.request = 0;  // as the CSV says "asked anew"
  store_.save({phone}, PhoneStore::Ask::changed_only);
  EXPECT_EQ(stored("CSFa").capf.request, 4);
  phone.capf.operation = Operation::none;
  store_.save({phone}, PhoneStore::Ask::again);
  EXPECT_EQ(stored("CSFa").capf.request, 4) << "the last request's outcome would be lost";
}

TEST_F(PhoneStoreTest, StampsARecordAnewExactlyWhenItChanged) {
  store_.save({phone_named("CSFa")}, PhoneStore::Ask::changed_only);
  const Phone before = stored("CSFa");
  Phone same = before;
  same.config_stamp = "mine";
  store_.save({same}, PhoneStore::Ask::again);
  EXPECT_EQ(stored("CSFa"), before);
  Phone changed = before;
  changed.model = "CP-7841";
  store_.save({changed}, PhoneStore::Ask::changed_only);
  EXPECT_NE(stored("CSFa").config_stamp, before.config_stamp);
}

TEST_F(PhoneStoreTest, ReadsAModelOfAnEarlierReleaseInItsOneSpelling) {
  store_.save({phone_named("CSFa")}, PhoneStore::Ask::changed_only);
  test::sqlite3(file(), "update phone set model = 'Cisco 8861'");
  EXPECT_EQ(stored("CSFa").model, "CP-8861");
}

TEST_F(PhoneStoreTest, SavesAllOrNothing) {
  Phone bad = phone_named("CSFb");
  bad.capf.rsa_bits = 1;
  EXPECT_THROW(store_.save({asking("CSFa"), bad}, PhoneStore::Ask::changed_only), Error);
  EXPECT_EQ(store_.count(), 0U);
  test::sqlite3(file(),
                "create trigger t before insert on phone when new.name = 'CSFz'"
                " begin select raise(abort, 'disk full'); end");
  EXPECT_THROW(store_.save({asking("CSFa"), asking("CSFz")}, PhoneStore::Ask::changed_only), Error);
  EXPECT_EQ(store_.count(), 0U);
  EXPECT_EQ(test::sqlite3(file(), "select last from capf_request"), "0");
}

TEST_F(PhoneStoreTest, RemovesAPhone) {
  store_.save({phone_named("CSFa")}, PhoneStore::Ask::changed_only);
  EXPECT_TRUE(store_.remove("CSFa"));
  EXPECT_FALSE(store_.remove("CSFa"));
  EXPECT_EQ(store_.find("CSFa"), std::nullopt);
}

TEST_F(PhoneStoreTest, NamesThePhoneWhoseRowIsDamaged) {
  store_.save({phone_named("CSFa"), phone_named("CSFb")}, PhoneStore::Ask::changed_only);
  test::sqlite3(file(), "update phone set operation = 'bogus' where name = 'CSFb'");
  EXPECT_EQ(stored("CSFa").name, "CSFa");
  try {
    store_.find("CSFb");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::malformed);
    EXPECT_THAT(error.what(), testing::HasSubstr("the stored phone CSFb is damaged"));
  }
}

TEST_F(PhoneStoreTest, FindsByIndex) {
  EXPECT_THAT(test::sqlite3(file(), "explain query plan select model from phone where name = 'a'"),
              testing::HasSubstr("SEARCH phone USING INDEX"));
}

TEST_F(PhoneStoreTest, TurnsPages) {
  store_.save({phone_named("CSFa"), phone_named("CSFb"), phone_named("CSFc")},
              PhoneStore::Ask::changed_only);
  const auto first = store_.page("", 2);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[1].name, "CSFb");
  const auto second = store_.page("CSFb", 2);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0], stored("CSFc"));
  EXPECT_TRUE(store_.page("CSFc", 2).empty());
}

}  // namespace
}  // namespace ringfence::core

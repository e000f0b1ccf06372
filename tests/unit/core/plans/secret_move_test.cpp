// Authentication strings leave admin.db, and nothing of them is left behind.
#include "core/plans/secret_move.h"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/phones/phone_store.h"
#include "core/plans/job_store.h"
#include "core/storage/setting_store.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using ByPhone = std::map<std::string, std::string>;

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kString = "7070707171";
constexpr std::string_view kEarlier = "6060606161";
constexpr std::string_view kOfJob = "8080808181";

Phone phone_with(const std::string& string) {
  Phone phone;
  phone.name = "SEP001122334455";
  phone.capf.auth_mode = AuthMode::auth_string;
  phone.capf.auth_string = string;
  return phone;
}

class SecretMoveTest : public testing::Test {
 protected:
  /// leave_as_before makes admin.db what an earlier release left: the phone's string is in its row,
  /// and one that it had before is in what SQLite has not written over.
  void leave_as_before() {
    store().save({phone_with("")}, PhoneStore::Ask::changed_only);
    const std::int64_t job = jobs().create(Job{});
    jobs().set_items(job, {{"SEP001122334455", ItemState::waiting, Time()}});
    for (const std::string_view value : {kEarlier, kString})
      test::sqlite3(admin_file(), "update phone set auth_string = '" + std::string(value) + "'");
    test::sqlite3(admin_file(), "update job_item set secret = '" + std::string(kOfJob) +
                                    "', before = '{' || secret || '}'");
    test::sqlite3(admin_file(), "delete from setting");
    ASSERT_THAT(bytes_of_admin(), HasSubstr(std::string(kString)));
  }

  std::filesystem::path admin_file() const { return folder_ / "admin.db"; }

  std::filesystem::path secrets_file() const { return folder_ / "secrets.db"; }

  /// bytes_of_admin are those of the file and of all that stands beside it.
  std::string bytes_of_admin() const {
    std::string all;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      if (entry.path().filename().string().starts_with("admin.db"))
        all += text_of(read_file(entry.path(), 64 << 20));
    return all;
  }

  void expect_no_trace() const {
    for (const std::string_view value : {kEarlier, kString, kOfJob})
      EXPECT_THAT(bytes_of_admin(), Not(HasSubstr(std::string(value))));
  }

  std::string strings() const {
    return test::sqlite3(secrets_file(), "select phone, value from auth_string order by value");
  }

  PhoneStore store() { return PhoneStore(admin_, secrets_); }

  JobStore jobs() { return JobStore(admin_, secrets_); }

  std::string string_of_phone() { return store().find("SEP001122334455").value().capf.auth_string; }

  test::TemporaryFolder folder_;
  Database admin_{folder_ / "admin.db", Schema::admin, Access::read_write};
  Database secrets_{folder_ / "secrets.db", Schema::secrets, Access::read_write};
};

TEST_F(SecretMoveTest, MovesWhatAnEarlierReleaseKeptAndLeavesNoTrace) {
  leave_as_before();
  tidy_secrets(admin_, secrets_);
  EXPECT_EQ(string_of_phone(), kString);
  EXPECT_EQ(jobs().take_secrets(1, {"SEP001122334455"}),
            (ByPhone{{"SEP001122334455", std::string(kOfJob)}}));
  expect_no_trace();
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    struct stat status {};

    ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U) << entry.path();
  }
}

TEST_F(SecretMoveTest, GoesOnWhereItWasCutShort) {
  leave_as_before();
  PhoneSecrets(secrets_).put({{"SEP001122334455", std::string(kString)}});  // and no more
  tidy_secrets(admin_, secrets_);
  EXPECT_EQ(strings(), "SEP001122334455|" + std::string(kString));
  EXPECT_EQ(string_of_phone(), kString);
  expect_no_trace();
}

TEST_F(SecretMoveTest, WipesLaterWhatAReaderHoldsOnTo) {
  leave_as_before();
  {
    Database reader(admin_file(), Schema::admin, Access::read_only);
    const Database::Snapshot snapshot(reader);
    EXPECT_TRUE(SettingStore(reader).find("any").value_or("").empty());
    tidy_secrets(admin_, secrets_);
    EXPECT_EQ(SettingStore(admin_).find("secrets.no_traces"), std::nullopt);
  }
  tidy_secrets(admin_, secrets_);
  expect_no_trace();
  EXPECT_NE(SettingStore(admin_).find("secrets.no_traces"), std::nullopt);
}

TEST_F(SecretMoveTest, NeverPutsAStringIntoAdminDb) {
  store().save({phone_with(std::string(kEarlier))}, PhoneStore::Ask::changed_only);
  store().save({phone_with(std::string(kString))}, PhoneStore::Ask::changed_only);
  EXPECT_EQ(string_of_phone(), kString);
  expect_no_trace();
  EXPECT_EQ(strings(), "SEP001122334455|" + std::string(kString)) << "the earlier one is gone";
  store().remove("SEP001122334455");
  EXPECT_EQ(strings(), "");
}

TEST_F(SecretMoveTest, ARecordThatCouldNotBeSavedKeepsItsOwnString) {
  store().save({phone_with(std::string(kEarlier))}, PhoneStore::Ask::changed_only);
  test::sqlite3(admin_file(),
                "create trigger no before update on phone begin select raise(abort, 'no'); end");
  EXPECT_THROW(store().save({phone_with(std::string(kString))}, PhoneStore::Ask::changed_only),
               Error);
  EXPECT_EQ(string_of_phone(), kEarlier);
  tidy_secrets(admin_, secrets_);  // as the next start
  EXPECT_EQ(strings(), "SEP001122334455|" + std::string(kEarlier));
}

TEST_F(SecretMoveTest, ATransactionThatIsTakenBackLosesNoString) {
  store().save({phone_with(std::string(kEarlier))}, PhoneStore::Ask::changed_only);
  {
    const Database::Transaction taken_back(admin_);
    store().save({phone_with(std::string(kString))}, PhoneStore::Ask::changed_only);
    EXPECT_EQ(string_of_phone(), kString);
  }
  EXPECT_EQ(string_of_phone(), kEarlier);
}

TEST_F(SecretMoveTest, WithoutSecretsPhonesComeWithoutStringsAndKeepThem) {
  store().save({phone_with(std::string(kString))}, PhoneStore::Ask::changed_only);
  PhoneStore blind(admin_);
  Phone phone = blind.find("SEP001122334455").value();
  EXPECT_EQ(phone.capf.auth_string, "");
  phone.description = "lobby";
  blind.save({phone}, PhoneStore::Ask::changed_only);
  EXPECT_EQ(string_of_phone(), kString);
  EXPECT_THROW(blind.save({phone_with("4711")}, PhoneStore::Ask::changed_only), Error);
}

TEST_F(SecretMoveTest, AJobThatNeverCameToBeLeavesNothingToTheNext) {
  {
    const Database::Transaction taken_back(admin_);
    const std::int64_t job = jobs().create(Job{});
    jobs().keep_secrets(job, {{"SEP001122334455", std::string(kOfJob)}});
  }
  const std::int64_t job = jobs().create(Job{});
  EXPECT_EQ(jobs().take_secrets(job, {"SEP001122334455"}), ByPhone{});
}

TEST_F(SecretMoveTest, SaysHowManyStringsALostFileLacks) {
  store().save({phone_with(std::string(kString))}, PhoneStore::Ask::changed_only);
  Database lost(folder_ / "lost.db", Schema::secrets, Access::read_write);
  testing::internal::CaptureStderr();
  tidy_secrets(admin_, secrets_);
  EXPECT_EQ(testing::internal::GetCapturedStderr().find("SECRETS_MISSING"), std::string::npos);
  testing::internal::CaptureStderr();
  tidy_secrets(admin_, lost);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("SECRETS_MISSING phones=1"),
            std::string::npos);
}

TEST_F(SecretMoveTest, AStringThatAJobTookIsThereUntilItsPhoneHasIt) {
  const std::int64_t job = jobs().create(Job{});
  jobs().keep_secrets(job, {{"SEP001122334455", std::string(kOfJob)}});
  {
    const Database::Transaction taken_back(admin_);
    EXPECT_EQ(jobs().take_secrets(job, {"SEP001122334455"}),
              (ByPhone{{"SEP001122334455", std::string(kOfJob)}}));
  }
  EXPECT_EQ(jobs().take_secrets(job, {"SEP001122334455"}),
            (ByPhone{{"SEP001122334455", std::string(kOfJob)}}));
  EXPECT_EQ(jobs().take_secrets(job, {"SEP001122334455"}), ByPhone{});
}

}  // namespace
}  // namespace ringfence::core

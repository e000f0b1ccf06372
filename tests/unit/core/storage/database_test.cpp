#include "core/storage/database.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/storage/rows.h"
#include "core/storage/schema.h"
#include "core/storage/setting_store.h"
#include "tests/support/database_file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Bytes bytes_in(const std::filesystem::path& path) {
  return read_file(path, 64U << 20);
}

/// refusal opens `path` and returns the Error it throws.
Error refusal(const std::filesystem::path& path, Access access, Schema schema = Schema::admin) {
  try {
    const Database database(path, schema, access);
  } catch (const Error& error) {
    return error;
  }
  return {Code::internal, "it was opened"};
}

class DatabaseTest : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& name = "admin.db") { return folder_ / name; }

  /// filled makes admin.db with 300 settings and closes it: about 100 KB.
  void filled() {
    Database database(file(), Schema::admin, Access::read_write);
    SettingStore settings(database);
    Database::Transaction all(database);
    for (int i = 0; i < 300; ++i) settings.save("name" + std::to_string(i), std::string(300, 'x'));
    all.commit();
  }

  test::TemporaryFolder folder_;
};

TEST_F(DatabaseTest, IsAWholeFileOfMode0600FromTheFirstMoment) {
  const mode_t before = ::umask(0);
  Database database(file(), Schema::admin, Access::read_write);
  SettingStore(database).save("a", "b");
  ::umask(before);
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    struct stat status {};

    ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U) << entry.path();
    names.insert(entry.path().filename());
  }
  EXPECT_EQ(names, (std::set<std::string>{"admin.db", "admin.db-wal", "admin.db-shm"}));
}

TEST_F(DatabaseTest, HasThePragmasThatKeepWhatIsCommitted) {
  Database database(file(), Schema::admin, Access::read_write);
  Database::Lease lease(database);
  const auto pragma = [&](const std::string& name) {
    std::string value;
    *lease << "pragma " + name, soci::into(value);
    return value;
  };
  EXPECT_EQ(pragma("journal_mode"), "wal");
  EXPECT_EQ(pragma("synchronous"), "2");
  EXPECT_EQ(pragma("foreign_keys"), "1");
  EXPECT_EQ(pragma("busy_timeout"), "5000");
  EXPECT_EQ(pragma("user_version"), std::to_string(migrations(Schema::admin).size()));
}

TEST_F(DatabaseTest, OpensAgainWithWhatWasWritten) {
  {
    Database database(file(), Schema::admin, Access::read_write);
    SettingStore(database).save("signer", "ITLRecovery");
  }
  Database database(file(), Schema::admin, Access::read_write);
  EXPECT_EQ(SettingStore(database).find("signer"), "ITLRecovery");
  EXPECT_EQ(SettingStore(database).find("other"), std::nullopt);
  EXPECT_EQ(test::sqlite3(file(), "select name, value from setting"), "signer|ITLRecovery");
}

TEST_F(DatabaseTest, HasEverySchemasTables) {
  for (const Schema schema : {Schema::admin, Schema::capf, Schema::callmanager, Schema::tftp,
                              Schema::tvs, Schema::secrets}) {
    const auto path = file(std::string(name(schema)) + ".db");
    const Database database(path, schema, Access::read_write);
    EXPECT_EQ(test::sqlite3(path, "pragma integrity_check"), "ok");
  }
  EXPECT_EQ(test::sqlite3(file("admin.db"),
                          "select group_concat(name, ' ') from (select name from sqlite_master"
                          " where type = 'table' and name not like 'sqlite%' order by name)"),
            "account audit capf_request certificate csr device_change job job_item node phone"
            " security_profile setting trust_certificate trust_holding trust_list_version");
  EXPECT_EQ(test::sqlite3(file("capf.db"),
                          "select group_concat(name, ' ') from (select name from sqlite_master"
                          " where type = 'table' and name not like 'sqlite%' order by name)"),
            "attempt csr device_change event issued journal_number outcome security_event "
            "security_more shown_lsc"
            " trust_sign");
  EXPECT_EQ(test::sqlite3(file("callmanager.db"),
                          "select group_concat(name, ' ') from (select name from sqlite_master"
                          " where type = 'table' and name not like 'sqlite%' order by name)"),
            "device_change phone_report registrar registration reset trust_sign");
}

TEST_F(DatabaseTest, IsNotFoundWhenReadOnlyAndMissing) {
  const Error error = refusal(file(), Access::read_only);
  EXPECT_EQ(error.code(), Code::not_found);
  EXPECT_EQ(error.what(), file().string() + ": no such database");
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(DatabaseTest, SaysWhichFolderIsMissing) {
  const Error error = refusal(file("none/admin.db"), Access::read_write);
  EXPECT_EQ(error.code(), Code::io);
  EXPECT_THAT(error.what(), HasSubstr("none/admin.db: cannot create the database"));
}

TEST_F(DatabaseTest, RefusesEveryKindOfDamageAndLeavesTheFileAsItWas) {
  filled();
  const Bytes good = bytes_in(file());
  ASSERT_GT(good.size(), 50'000U);
  std::mt19937 random(7);
  std::map<std::string, Bytes> damaged;
  damaged["empty"] = {};
  damaged["short"] = Bytes(good.begin(), good.begin() + 60);
  damaged["half"] = Bytes(good.begin(), good.begin() + static_cast<long>(good.size() / 2));
  damaged["one page less"] = Bytes(good.begin(), good.end() - 4096);
  Bytes noise(20'000);
  for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
  damaged["random"] = noise;
  damaged["text"] = Bytes(5000, 'a');
  Bytes torn = good;
  std::copy(noise.begin(), noise.begin() + 12'000, torn.begin() + 8192);
  damaged["pages overwritten"] = torn;
  for (const auto& [what, bytes] : damaged) {
    const auto path = file(what + ".db");
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
    for (const Access access : {Access::read_write, Access::read_only}) {
      const Error error = refusal(path, access);
      EXPECT_EQ(error.code(), Code::malformed) << what << ": " << error.what();
      EXPECT_THAT(error.what(), AllOf(HasSubstr(path.string()), HasSubstr("from a backup")));
      EXPECT_EQ(bytes_in(path), bytes) << what;
    }
  }
}

TEST_F(DatabaseTest, RefusesANewerVersion) {
  filled();
  test::sqlite3(file(), "pragma user_version = 99");
  for (const Access access : {Access::read_write, Access::read_only}) {
    const Error error = refusal(file(), access);
    EXPECT_EQ(error.code(), Code::refused);
    EXPECT_THAT(error.what(),
                HasSubstr(file().string() + ": schema version 99 is newer than this program's " +
                          std::to_string(migrations(Schema::admin).size())));
  }
  EXPECT_EQ(test::sqlite3(file(), "select count(*) from setting"), "300");
}

TEST_F(DatabaseTest, RefusesAnotherSchemasFileAndAStrangersFile) {
  { const Database capf(file("capf.db"), Schema::capf, Access::read_write); }
  const Error other = refusal(file("capf.db"), Access::read_write);
  EXPECT_EQ(other.code(), Code::malformed);
  EXPECT_EQ(other.what(), file("capf.db").string() + ": not the admin database of Ringfence");
  test::sqlite3(file("strange.db"), "create table t (x)");
  EXPECT_EQ(refusal(file("strange.db"), Access::read_write).code(), Code::malformed);
  EXPECT_EQ(test::sqlite3(file("strange.db"), "select name from sqlite_master"), "t");
  EXPECT_EQ(refusal(folder_.path(), Access::read_write).code(), Code::malformed);
}

TEST_F(DatabaseTest, RefusesToReadAnOlderVersionAndMigratesItWhenWriting) {
  { const Database database(file(), Schema::tftp, Access::read_write); }
  test::sqlite3(file(), "drop table fetch; drop table trust_sign; pragma user_version = 0");
  EXPECT_EQ(refusal(file(), Access::read_only, Schema::tftp).code(), Code::refused);
  { const Database database(file(), Schema::tftp, Access::read_write); }
  EXPECT_EQ(test::sqlite3(file(), "pragma user_version; select count(*) from fetch"),
            std::to_string(migrations(Schema::tftp).size()) + "\n0");
}

TEST_F(DatabaseTest, MigratesStepByStepAndUndoesTheStepThatFails) {
  Database database(file(), Schema::tftp, Access::read_write);
  Database::Lease lease(database);
  *lease << "pragma user_version = 1";
  const std::vector<Migration> steps = {
      {"select 1"},  // seen already
      {"create table two (x integer)", "insert into two (x) values (2)"},
      {"create table three (x integer)", "insert into nowhere (x) values (3)"},
  };
  EXPECT_THROW(migrate(*lease, steps), soci::soci_error);
  EXPECT_EQ(schema_version(*lease), 2);
  EXPECT_EQ(test::sqlite3(file(), "select x from two"), "2");
  EXPECT_EQ(test::sqlite3(file(), "select count(*) from sqlite_master where name = 'three'"), "0");
}

TEST_F(DatabaseTest, RollsBackWhenTheTransactionIsNotCommitted) {
  Database database(file(), Schema::admin, Access::read_write);
  const SettingStore settings(database);
  {
    Database::Transaction transaction(database);
    *transaction << "insert into setting (name, value) values ('a', 'b')";
  }
  EXPECT_EQ(settings.find("a"), std::nullopt);
  EXPECT_THROW(database.write([](soci::session& sql) {
    sql << "insert into setting (name, value) values ('a', 'b')";
    throw Error(Code::refused, "no");
  }),
               Error);
  EXPECT_EQ(settings.find("a"), std::nullopt);
  SettingStore(database).save("a", "c");
  EXPECT_EQ(settings.find("a"), "c");
}

TEST_F(DatabaseTest, KeepsAnInnerTransactionOnlyWithItsOuterOne) {
  Database database(file(), Schema::admin, Access::read_write);
  SettingStore settings(database);
  {
    Database::Transaction outer(database);
    settings.save("kept", "1");
    {
      const Database::Transaction inner(database);
      settings.save("dropped", "1");
    }
    outer.commit();
  }
  EXPECT_EQ(settings.find("kept"), "1");
  EXPECT_EQ(settings.find("dropped"), std::nullopt);
  {
    const Database::Transaction outer(database);
    settings.save("lost", "1");
  }
  EXPECT_EQ(settings.find("lost"), std::nullopt);
}

TEST_F(DatabaseTest, SaysConflictForAKeyGivenTwiceAndShowsNoValue) {
  Database database(file(), Schema::admin, Access::read_write);
  const auto insert = [&] {
    database.write([](soci::session& sql) {
      const std::string secret = "4711";
      sql << "insert into setting (name, value) values ('a', :v)", soci::use(secret, "v");
    });
  };
  insert();
  try {
    insert();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::conflict);
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("4711")));
    EXPECT_THAT(error.what(), HasSubstr(file().string()));
  }
}

TEST_F(DatabaseTest, ReadsWhatTheWriterCommittedAndNoMore) {
  Database writer(file(), Schema::admin, Access::read_write);
  Database reader(file(), Schema::admin, Access::read_only);
  const SettingStore seen(reader);
  const Change before = reader.change();
  EXPECT_EQ(reader.change(), before);
  {
    Database::Transaction transaction(writer);
    *transaction << "insert into setting (name, value) values ('a', 'b')";
    EXPECT_EQ(seen.find("a"), std::nullopt);  // and it does not wait
    transaction.commit();
  }
  EXPECT_EQ(seen.find("a"), "b");
  EXPECT_NE(reader.change(), before);
  try {
    SettingStore(reader).save("a", "c");
    FAIL() << "a read-only database was written";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::refused) << error.what();
  }
}

TEST_F(DatabaseTest, KeepsWhatAKilledProcessCommittedAndAnotherReadsIt) {
  int told[2];
  ASSERT_EQ(::pipe(told), 0);
  const pid_t child = ::fork();
  if (child == 0) {  // the writer: commits, tells, begins another transaction, and is killed
    try {
      Database writer(file(), Schema::admin, Access::read_write);
      SettingStore(writer).save("committed", "yes");
      Database::Transaction open(writer);
      *open << "insert into setting (name, value) values ('open', 'yes')";
      if (::write(told[1], "x", 1) != 1) ::_exit(1);
      ::pause();
    } catch (...) {
    }
    ::_exit(1);
  }
  ::close(told[1]);
  char byte = 0;
  ASSERT_EQ(::read(told[0], &byte, 1), 1);
  ::close(told[0]);
  {
    Database reader(file(), Schema::admin, Access::read_only);  // the log is live
    EXPECT_EQ(SettingStore(reader).find("committed"), "yes");
    EXPECT_EQ(SettingStore(reader).find("open"), std::nullopt);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  {
    Database reader(file(), Schema::admin, Access::read_only);  // the log is left over
    EXPECT_EQ(SettingStore(reader).find("committed"), "yes");
  }
  Database writer(file(), Schema::admin, Access::read_write);
  EXPECT_EQ(SettingStore(writer).find("committed"), "yes");
  EXPECT_EQ(SettingStore(writer).find("open"), std::nullopt);
}

TEST_F(DatabaseTest, ServesWritingAndReadingThreadsAtOnce) {
  Database writer(file(), Schema::admin, Access::read_write);
  Database reader(file(), Schema::admin, Access::read_only);
  // Two settings are always written together; a reader must never see one ahead of the other.
  std::atomic<int> torn{0};
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread)
    threads.emplace_back([&] {
      try {
        for (int i = 0; i < 20; ++i)
          writer.write([&](soci::session& sql) {
            long long value = 0;
            sql << "select coalesce(max(cast(value as integer)), 0) + 1 from setting",
                soci::into(value);
            for (const char* key : {"left", "right"})
              SettingStore(writer).save(key, std::to_string(value));
          });
      } catch (const std::exception&) {
        ++failures;
      }
    });
  for (int thread = 0; thread < 3; ++thread)
    threads.emplace_back([&] {
      try {
        for (int i = 0; i < 100; ++i)
          torn += reader.read([](soci::session& sql) {
            int kinds = 0;
            sql << "select count(distinct value) from setting", soci::into(kinds);
            return kinds > 1 ? 1 : 0;
          });
      } catch (const std::exception&) {
        ++failures;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(SettingStore(writer).find("left"), "60");
}

}  // namespace
}  // namespace ringfence::core

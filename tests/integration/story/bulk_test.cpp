// A site enrolled in bulk, with the real parts: who is left out, pausing, cancelling, a killed
// ringfence-admin, and a string for each phone.

#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/bytes.h"
#include "core/base/file.h"
#include "tests/fleet/fleet.h"
#include "tests/support/command.h"
#include "tests/support/database_file.h"
#include "tests/support/instance.h"

namespace ringfence {
namespace {

using fleet::Fleet;
using fleet::PhoneReport;
using fleet::Report;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr auto kPatience = 180s;

class BulkStory : public testing::Test {
 protected:
  void start() {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  void import_phones(const std::vector<std::string>& names, const std::string& last_two = "") {
    std::ofstream csv(instance_ / "phones.csv");
    csv << "name,model,description,security_profile\n";
    for (std::size_t i = 0; i < names.size(); ++i)
      csv << names[i] << ",CP-8861,Desk " << i << ","
          << (i + 2 >= names.size() ? last_two : std::string()) << "\n";
    csv.close();
    const test::Result imported =
        instance_.sh("utils phone import " + (instance_ / "phones.csv").string());
    ASSERT_EQ(imported.status, 0) << imported.out << imported.err;
  }

  fleet::Options options(const std::vector<std::string>& names) {
    fleet::Options options;
    options.names = names;
    options.port_offset = instance_.port_offset();
    options.threads = 2;
    options.capf_retry_after = 5s;  // three times: longer than ringfence-admin takes to start
    return options;
  }

  void expect_registered(Fleet& fleet, std::size_t count) {
    ASSERT_TRUE(fleet.wait_until([&](const Report& report) { return report.registered() == count; },
                                 kPatience));
  }

  std::map<std::string, std::int64_t> counts(int job) {
    std::map<std::string, std::int64_t> counts;
    const boost::json::object report = instance_.json("show job " + std::to_string(job));
    for (const boost::json::value& one : report.at("counts").as_array())
      counts[std::string(one.at("state").as_string())] = one.at("count").as_int64();
    return counts;
  }

  std::string state_of(int job) {
    return std::string(instance_.json("show job " + std::to_string(job)).at("state").as_string());
  }

  /// until asks again and again; each question takes a process's time.
  static testing::AssertionResult until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!done())
      if (std::chrono::steady_clock::now() > end) return testing::AssertionFailure() << "never";
    return testing::AssertionSuccess();
  }

  void kill_admin() {
    for (const int admin : instance_.processes("admin"))
      ASSERT_EQ(test::run({"kill", "-KILL", std::to_string(admin)}).status, 0);
  }

  static std::string errors(const Report& report) {
    std::string text;
    for (const PhoneReport& phone : report.phones)
      text += phone.name + ": " + std::string(word(phone.state)) + ", " + phone.lsc_status + ", " +
              phone.last_error + "\n";
    return text;
  }

  test::Instance instance_;
};

TEST_F(BulkStory, EveryChosenPhoneEnrolsAndOneThatContradictsItsProfileIsNamedBefore) {
  const std::vector<std::string> names = fleet::count_names(60);
  start();
  ASSERT_EQ(instance_.sh("set phone profile ByLsc auth_mode lsc").status, 0);
  import_phones(names, "ByLsc");
  Fleet fleet(options(names));
  fleet.start();
  expect_registered(fleet, 60);

  const test::Result preview = instance_.sh("utils capf bulk preview all auth_mode null-string");
  EXPECT_EQ(preview.status, 0);
  EXPECT_THAT(preview.out, HasSubstr("Phones in the job : 58"));
  EXPECT_THAT(preview.out, HasSubstr(names[59] + "   its security profile \"ByLsc\" says lsc, "
                                                 "this says null-string"));
  const boost::json::object profiles = instance_.json("show phone profile list");
  EXPECT_EQ(profiles.at("profiles").at(0).at("phones").as_int64(), 2);
  EXPECT_EQ(profiles.at("profiles").at(0).at("mismatches").as_int64(), 2);

  const test::Result done = instance_.sh(
      "utils capf bulk start all operation install auth_mode null-string wave 20", "yes\n");
  EXPECT_EQ(done.status, 5) << "two were left out: " << done.out << done.err
                            << errors(fleet.report());
  EXPECT_THAT(done.out, HasSubstr("Phones left out   : 2"));
  EXPECT_THAT(done.out, HasSubstr("Job 1 started for 58 phones."));
  EXPECT_THAT(done.out, HasSubstr("Job 1: 58 of 58 phones succeeded."));
  const Report report = fleet.report();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const PhoneReport& phone = report.phone(names[i]);
    EXPECT_EQ(phone.enrolments, i < 58 ? 1U : 0U) << phone.name << ": " << phone.last_error;
    EXPECT_EQ(phone.resets, i < 58 ? 1U : 0U) << phone.name;
  }
  EXPECT_EQ(counts(1), (std::map<std::string, std::int64_t>{{"succeeded", 58}}));

  // Everybody who could is done: then there is nobody to start a job for.
  const test::Result nobody =
      instance_.sh("--yes utils capf bulk start lsc none operation install auth_mode null-string");
  EXPECT_EQ(nobody.status, 1);
  EXPECT_THAT(nobody.out, HasSubstr("each of the 2 phones that match is excluded"));
  const test::Result list = instance_.sh("utils capf bulk list");
  EXPECT_THAT(list.out, HasSubstr("58 succeeded"));
  fleet.stop();
}

TEST_F(BulkStory, IsPausedResumedKilledAndCancelledAndEveryPhoneIsInOneState) {
  constexpr std::int64_t kPhones = 60;
  const std::vector<std::string> names = fleet::count_names(kPhones);
  start();
  import_phones(names);
  Fleet fleet(options(names));
  fleet.start();
  expect_registered(fleet, kPhones);
  ASSERT_EQ(
      instance_
          .sh("--yes utils capf bulk start all operation install auth_mode null-string wave 4 "
              "watch no")
          .status,
      0);

  // 1. Paused: those under way come to their end, and nobody else is asked; also after a kill.
  ASSERT_TRUE(until([&] { return counts(1)["succeeded"] >= 4; }));
  ASSERT_EQ(instance_.sh("utils capf bulk pause 1").status, 0);
  ASSERT_TRUE(until([&] {
    auto now = counts(1);
    return state_of(1) == "paused" && now["applied"] + now["enrolling"] + now["away"] == 0;
  }));
  const auto paused = counts(1);
  ASSERT_GT(paused.at("waiting"), 20);
  kill_admin();
  start();
  EXPECT_EQ(state_of(1), "paused");
  EXPECT_EQ(counts(1), paused);

  // 2. Resumed, and killed in the middle of a wave.
  expect_registered(fleet, kPhones);
  ASSERT_EQ(instance_.sh("utils capf bulk resume 1").status, 0);
  ASSERT_TRUE(until([&] {
    auto now = counts(1);
    return now["succeeded"] >= paused.at("succeeded") + 4 && now["applied"] + now["enrolling"] > 0;
  }));
  kill_admin();
  start();

  // 3. Cancelled: who waits is left alone, who is enrolling may end it.
  ASSERT_TRUE(until([&] { return counts(1)["succeeded"] >= paused.at("succeeded") + 12; }));
  ASSERT_EQ(instance_.sh("utils job cancel 1").status, 0);
  const test::Result ended = instance_.sh("utils capf bulk watch 1");
  EXPECT_EQ(ended.status, 5);
  EXPECT_THAT(ended.out, HasSubstr("Job 1 was cancelled."));
  auto last = counts(1);
  EXPECT_EQ(last["succeeded"] + last["cancelled"] + last["failed"], kPhones)
      << instance_.sh("show job 1").out;
  EXPECT_EQ(last["failed"], 0) << instance_.sh("show job 1").out;
  EXPECT_GT(last["cancelled"], 0);
  std::set<std::string> left_out;
  const boost::json::object report = instance_.json("show job 1");
  for (const boost::json::value& one : report.at("missing").as_array())
    left_out.insert(std::string(one.at("phone").as_string()));
  std::size_t told_twice = 0;
  for (const PhoneReport& phone : fleet.report().phones) {
    // One that was enrolling may have ended it after its operation was taken back.
    if (!left_out.contains(phone.name)) {
      EXPECT_GT(phone.enrolments, 0U) << phone.name;
      EXPECT_GT(phone.resets, 0U) << phone.name;
    }
    told_twice += phone.resets > 1 ? 1 : 0;
  }
  EXPECT_LE(told_twice, 4U);  // those of the wave that was killed, whose answer nobody wrote down

  // 4. The next job takes the rest.
  const test::Result rest =
      instance_.sh("--yes utils capf bulk start lsc none operation install auth_mode null-string");
  EXPECT_EQ(rest.status, 0) << rest.out << rest.err << errors(fleet.report());
  EXPECT_THAT(rest.out, HasSubstr(std::to_string(last["cancelled"]) + " of " +
                                  std::to_string(last["cancelled"]) + " phones succeeded."));
  fleet.stop();
}

TEST_F(BulkStory, AStringForEachPhoneIsToldOnceAndEnrolsIt) {
  const std::vector<std::string> names = fleet::count_names(10);
  start();
  import_phones(names);
  const std::filesystem::path file = instance_ / "strings.csv";
  // Nobody is registered yet: the settings are written, and phones learn of them as they start.
  const test::Result started = instance_.sh(
      "--yes utils capf bulk start all operation install auth_mode auth-string unique_strings 6 "
      "watch no strings_file " +
      file.string());
  ASSERT_EQ(started.status, 0) << started.out << started.err;
  EXPECT_THAT(started.out, HasSubstr("10 of these phones are not registered."));

  struct stat facts {};

  ASSERT_EQ(::stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  fleet::Options with_strings = options(names);
  std::istringstream lines(core::text_of(core::read_file(file, 10'000)));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "name,auth_string");
  std::set<std::string> strings;
  while (std::getline(lines, line)) {
    const std::size_t comma = line.find(',');
    ASSERT_NE(comma, std::string::npos);
    with_strings.auth_strings[line.substr(0, comma)] = line.substr(comma + 1);
    strings.insert(line.substr(comma + 1));
    EXPECT_EQ(line.size() - comma - 1, 6U);
  }
  EXPECT_EQ(strings.size(), names.size());
  EXPECT_EQ(with_strings.auth_strings.size(), names.size());

  ASSERT_TRUE(until([&] { return counts(1)["away"] == 10; }));
  Fleet fleet(with_strings);
  fleet.start();
  const test::Result done = instance_.sh("utils capf bulk watch 1");
  EXPECT_EQ(done.status, 0) << done.out << done.err << errors(fleet.report());
  EXPECT_THAT(done.out, HasSubstr("Job 1: 10 of 10 phones succeeded."));
  fleet.stop();

  // Nothing else ever said them.
  const std::filesystem::path database = instance_.state() / "db" / "admin.db";
  EXPECT_EQ(
      test::sqlite3(instance_.state() / "db" / "secrets.db", "select count(*) from job_secret"),
      "0");
  std::string said = test::sqlite3(database, "select detail from audit") +
                     test::sqlite3(database, "select arguments || message || step from job") +
                     test::sqlite3(database, "select detail from job_item") +
                     instance_.sh("show job 1").out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(instance_.state() / "log"))
    if (entry.is_regular_file()) said += core::text_of(core::read_file(entry.path(), 64 << 20));
  for (const std::string& string : strings)
    EXPECT_EQ(said.find(string), std::string::npos) << "somebody told " << string;
}

TEST_F(BulkStory, IsRefusedWhilePhonesCannotBeToldOrFindTheirFilesAndForcedWaits) {
  const std::vector<std::string> names = fleet::count_names(3);
  start();
  import_phones(names);
  Fleet fleet(options(names));
  fleet.start();
  expect_registered(fleet, 3);
  const std::string bulk =
      "--yes utils capf bulk start all operation install auth_mode null-string";
  for (const std::string service : {"Cisco Tftp", "Cisco CallManager"}) {
    ASSERT_EQ(instance_.sh("utils service stop " + service).status, 0);
    const test::Result refused = instance_.sh(bulk);
    EXPECT_EQ(refused.status, 1) << refused.out;
    EXPECT_THAT(refused.out, HasSubstr(service + " does not run."));
    EXPECT_THAT(refused.out, HasSubstr("Start it first: utils service start " + service));
    EXPECT_THAT(refused.out, HasSubstr("add: force 3"));
    if (service == "Cisco Tftp") {
      ASSERT_EQ(instance_.sh("utils service start " + service).status, 0);
    }
  }
  const test::Result forced = instance_.sh(bulk + " force 3 watch no");
  ASSERT_EQ(forced.status, 0) << forced.out;
  ASSERT_TRUE(until([&] {
    return std::string(instance_.json("show job 1").at("step").as_string()) ==
           "waiting for Cisco CallManager, which does not answer";
  }));
  EXPECT_EQ(counts(1), (std::map<std::string, std::int64_t>{{"waiting", 3}}));
  ASSERT_EQ(instance_.sh("utils service start Cisco CallManager").status, 0);
  const test::Result done = instance_.sh("utils capf bulk watch 1 timeout 180");
  EXPECT_EQ(done.status, 0) << done.out << errors(fleet.report());

  for (const int pid : instance_.processes("callmanager")) ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  const test::Result hung = instance_.sh(bulk);
  for (const int pid : instance_.processes("callmanager")) ASSERT_EQ(::kill(pid, SIGCONT), 0);
  EXPECT_EQ(hung.status, 1);
  EXPECT_THAT(hung.out, HasSubstr("Restart it first: utils service restart Cisco CallManager"));
  fleet.stop();
}

TEST_F(BulkStory, ACancelledJobCountsWhoEnrolledAllTheSame) {
  const std::vector<std::string> names = fleet::count_names(40);
  start();
  import_phones(names);
  Fleet fleet(options(names));
  fleet.start();
  expect_registered(fleet, names.size());
  ASSERT_EQ(instance_
                .sh("--yes utils capf bulk start all operation install auth_mode null-string "
                    "rsa_bits 2048 wave 4 watch no")  // so that some have not had their turn
                .status,
            0);
  ASSERT_TRUE(until([&] { return counts(1)["succeeded"] > 0; }));
  ASSERT_EQ(instance_.sh("utils job cancel 1").status, 0);
  ASSERT_TRUE(until([&] { return state_of(1) != "running"; }));
  const auto enrolled = [&] {
    std::int64_t count = 0;
    for (const PhoneReport& phone : fleet.report().phones) count += phone.enrolments > 0 ? 1 : 0;
    return count;
  };
  ASSERT_TRUE(until([&] {
    return fleet.report().registered() == names.size() && counts(1)["succeeded"] == enrolled();
  })) << instance_.sh("show job 1").out
      << errors(fleet.report());
  EXPECT_THAT(std::string(instance_.json("show job 1").at("message").as_string()),
              HasSubstr(std::to_string(enrolled()) + " of 40 phones succeeded"));
  fleet.stop();
}

TEST_F(BulkStory, ARemovedPhoneEndsAndACancelledJobSaysNothingOfSettingsThatWereTakenBack) {
  const std::vector<std::string> names = fleet::count_names(2);
  start();
  import_phones(names);
  ASSERT_EQ(instance_
                .sh("--yes utils capf bulk start all operation install auth_mode null-string watch "
                    "no")
                .status,
            0);
  ASSERT_TRUE(until([&] { return counts(1)["away"] == 2; }));
  EXPECT_THAT(instance_.sh("show job 1").out,
              HasSubstr("The new settings are written all the same"));
  ASSERT_EQ(instance_.sh("--yes utils phone remove " + names[0]).status, 0);
  EXPECT_TRUE(until([&] { return counts(1)["removed"] == 1; }));
  ASSERT_EQ(instance_.sh("utils job cancel 1").status, 0);
  ASSERT_TRUE(until([&] { return state_of(1) == "cancelled"; }));
  EXPECT_EQ(counts(1), (std::map<std::string, std::int64_t>{{"cancelled", 1}, {"removed", 1}}));
  EXPECT_THAT(instance_.sh("show job 1").out,
              testing::Not(HasSubstr("The new settings are written all the same")));
}

TEST_F(BulkStory, ACancelledJobGivesPhonesTheirModeStringAndKeyBack) {
  const std::vector<std::string> names = fleet::count_names(2);
  start();
  import_phones(names);
  ASSERT_EQ(instance_
                .sh("set phone capf " + names[0] +
                    " operation none auth_mode auth-string auth_string 135790 key_order rsa-only"
                    " rsa_bits 3072")
                .status,
            0);
  const std::filesystem::path database = instance_.state() / "db" / "admin.db";
  const std::filesystem::path secrets = instance_.state() / "db" / "secrets.db";
  const auto records = [&] {
    return test::sqlite3(database,
                         "select name, operation, auth_mode, key_order, rsa_bits"
                         " from phone order by name") +
           test::sqlite3(secrets, "select phone, value from auth_string order by phone");
  };
  const std::string before = records();
  ASSERT_THAT(before, HasSubstr("135790"));
  const test::Result started = instance_.sh(
      "--yes utils capf bulk start all operation install auth_mode auth-string unique_strings 6 "
      "rsa_bits 2048 watch no strings_file " +
      (instance_ / "strings.csv").string());
  ASSERT_EQ(started.status, 0) << started.out << started.err;
  ASSERT_TRUE(until([&] { return counts(1)["away"] == 2; }));
  EXPECT_THAT(records(), testing::Not(HasSubstr("135790")));
  ASSERT_EQ(instance_.sh("utils job cancel 1").status, 0);
  ASSERT_TRUE(until([&] { return state_of(1) == "cancelled"; }));
  EXPECT_EQ(records(), before);
  EXPECT_EQ(test::sqlite3(secrets, "select count(*) from job_secret"), "0");
}

}  // namespace
}  // namespace ringfence

// The token as an administrator meets it: shown, locked until its PIN is typed, sick and well
// again.

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/audit/audit_log.h"
#include "core/base/bytes.h"
#include "core/base/file.h"
#include "tests/fleet/fleet.h"
#include "tests/support/command.h"
#include "tests/support/eventually.h"
#include "tests/support/faults.h"
#include "tests/support/instance.h"

namespace ringfence {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr auto kPatience = 60s;
const std::string kPin = "korrektes-pferd-81";
const std::string kWrongPin = "falsches-pferd-27";

class Hsm : public testing::Test {
 protected:
  void start() {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  /// hsm returns what `show hsm` tells, whatever its exit status.
  boost::json::object hsm() {
    const test::Result shown = instance_.sh("--json show hsm");
    return boost::json::parse(shown.out).as_object();
  }

  std::string state() { return std::string(hsm().at("state").as_string()); }

  std::string code_of(const std::string& words, const std::string& input = "") {
    const test::Result result = instance_.sh("--yes --json " + words, input);
    const boost::json::object document = boost::json::parse(result.out).as_object();
    if (!document.contains("error")) return "";
    return std::string(document.at("error").at("code").as_string());
  }

  bool every_service_runs() {
    const boost::json::object list = instance_.json("utils service list");
    return std::ranges::all_of(list.at("services").as_array(), [](const auto& service) {
      return service.at("state").as_string() == "STARTED";
    });
  }

  /// unlock types a PIN; after a refused one the signer may ask for patience first.
  test::Result unlock(const std::string& pin) {
    test::Result result;
    test::eventually([&] {
      result = instance_.sh("utils hsm unlock", pin + "\n");
      return result.out.find("retry in") == std::string::npos;
    });
    return result;
  }

  /// expect_nowhere fails for every file of the state folder that holds `secret`.
  void expect_nowhere(const std::string& secret) {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(instance_.state())) {
      if (!entry.is_regular_file()) continue;
      ++files;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string text((std::istreambuf_iterator<char>(file)),
                             std::istreambuf_iterator<char>());
      EXPECT_EQ(text.find(secret), std::string::npos) << entry.path();
    }
    EXPECT_GT(files, 10U) << "the search looks somewhere else";
  }

  test::Instance instance_;
};

/// AttendedHsm has a token whose PIN only the administrator knows.
class AttendedHsm : public Hsm {
 protected:
  void SetUp() override {
    const std::filesystem::path tokens = instance_ / "hsm" / "tokens";
    std::filesystem::create_directories(tokens);
    std::ofstream(instance_ / "vendor.conf")
        << "directories.tokendir = " << tokens.string() << "\n";
    const test::Result made =
        test::run({"softhsm2-util", "--init-token", "--free", "--label", "ringfence", "--pin", kPin,
                   "--so-pin", "so-" + kPin.substr(0, 8)},
                  "", {"SOFTHSM2_CONF=" + (instance_ / "vendor.conf").string()});
    ASSERT_EQ(made.status, 0) << made.out << made.err;
    std::ofstream(instance_ / "ringfence.toml") << "[hsm]\npin_source = \"typed\"\n";
  }
};

TEST_F(Hsm, ShowsTheTokenItsKeysAndItsWorkers) {
  start();
  const test::Result shown = instance_.sh("show hsm");
  EXPECT_EQ(shown.status, 0) << shown.out;
  EXPECT_THAT(shown.out, AllOf(HasSubstr("State            : operational\n"),
                               HasSubstr("libsofthsm2.so\n"), HasSubstr("CallManager-ECDSA"),
                               HasSubstr("RSA 2048"), HasSubstr("Workers replaced : 0\n")));
  const boost::json::object facts = hsm();
  const std::int64_t workers = facts.at("workers_wanted").as_int64();
  EXPECT_EQ(facts.at("workers").as_array().size(), static_cast<std::size_t>(workers));
  for (const auto& key : facts.at("keys").as_array()) EXPECT_EQ(key.at("copies"), workers);
  EXPECT_EQ(facts.at("keys").as_array().size(), 5U);
  EXPECT_EQ(facts.at("token").as_string(), "ringfence");
  EXPECT_EQ(facts.at("restarts").as_int64(), 0);
  EXPECT_GT(facts.at("signed_total").as_int64(), 5) << "five certificates and the ITL";
  EXPECT_EQ(code_of("utils hsm unlock", "1234\n"), "conflict") << "it is not locked";
}

TEST_F(Hsm, CountsAWorkerThatWasKilledAndIsOperationalAgain) {
  start();
  const auto worker = hsm().at("workers").as_array().at(0).at("pid").as_int64();
  ASSERT_EQ(::kill(static_cast<pid_t>(worker), SIGKILL), 0);
  boost::json::object facts;
  EXPECT_TRUE(test::eventually([&] {
    facts = hsm();
    return facts.at("restarts").as_int64() == 1 && facts.at("state").as_string() == "operational";
  })) << boost::json::serialize(facts);
  for (const auto& one : facts.at("workers").as_array()) EXPECT_NE(one.at("pid"), worker);
  EXPECT_EQ(instance_.sh("utils itl reset localkey").status, 0);
}

TEST_F(Hsm, SaysWhyASignerThatEndedForGoodIsNotThere) {
  start();
  core::write_atomically(instance_ / "hsm" / "user.pin", core::bytes_of(kWrongPin), 0600);
  for (const int pid : instance_.processes("signer")) ::kill(pid, SIGKILL);
  test::Result shown;
  EXPECT_TRUE(test::eventually([&] {
    shown = instance_.sh("show hsm");
    return shown.out.find("ended with status 3") != std::string::npos;
  }));
  EXPECT_EQ(shown.status, 1);
  EXPECT_THAT(shown.out, AllOf(HasSubstr("State            : unreachable\n"), HasSubstr("PIN"),
                               HasSubstr("it is not tried again by itself")));
  EXPECT_EQ(code_of("set cert regen CAPF"), "hsm_locked");
  EXPECT_EQ(instance_.sh("show itl").status, 0) << "what needs no key goes on";
  EXPECT_TRUE(instance_.processes("signer").empty());
  EXPECT_THAT(shown.out, Not(HasSubstr(kWrongPin)));
}

TEST_F(AttendedHsm, TheFirstStartWaitsForThePinAndThenOpensTheHouse) {
  // 1. Nothing is signed yet, and the start says what it waits for.
  const test::Result started = instance_.start();
  ASSERT_EQ(started.status, 0) << started.out << started.err;
  EXPECT_THAT(started.out, AllOf(HasSubstr("waits for its token"), HasSubstr("locked"),
                                 HasSubstr("utils hsm unlock")));
  const test::Result shown = instance_.sh("show hsm");
  EXPECT_EQ(shown.status, 1);
  EXPECT_THAT(shown.out, HasSubstr("State            : locked\n"));

  // 2. What needs no key works; what needs one says what to do.
  EXPECT_THAT(instance_.sh("utils service list").out,
              AllOf(HasSubstr("Cisco Tftp[STOPPED]  Waiting for the token\n"),
                    HasSubstr("Ringfence Signer[STARTED]")));
  EXPECT_EQ(instance_.sh("show cert list own").status, 0);
  EXPECT_THAT(instance_.sh("show itl").out, HasSubstr("ITL"));
  const auto names = fleet::count_names(2);
  std::ofstream(instance_ / "phones.csv") << "name,operation,auth_mode\n"
                                          << names[0] << ",install,null-string\n"
                                          << names[1] << ",install,null-string\n";
  EXPECT_EQ(instance_.sh("utils phone import " + (instance_ / "phones.csv").string()).status, 0);
  EXPECT_EQ(instance_.sh("show phone " + names[0]).status, 0);
  for (const std::string words : {"set cert regen CAPF", "utils itl reset localkey",
                                  "utils service start Cisco Trust Verification Service"}) {
    EXPECT_EQ(code_of(words), "hsm_locked") << words;
    const test::Result refused = instance_.sh("--yes " + words);
    EXPECT_EQ(refused.status, 1) << words;
    EXPECT_THAT(refused.out, HasSubstr("the token is locked: an administrator must type its PIN "
                                       "with 'utils hsm unlock'\nExecuted command unsuccessfully"))
        << words;
  }

  // 3. A wrong PIN is refused, and the token stays locked.
  const test::Result wrong = unlock(kWrongPin);
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.out, AllOf(HasSubstr("PIN"), HasSubstr("Executed command unsuccessfully")));
  EXPECT_EQ(state(), "locked");

  // 4. The right one opens the house without another command.
  const test::Result right = unlock(kPin);
  EXPECT_EQ(right.status, 0) << right.out << right.err;
  EXPECT_THAT(right.out, AllOf(HasSubstr("The token took the PIN."),
                               HasSubstr("The first keys and certificates are made"),
                               HasSubstr("Cisco Tftp is started.")));
  ASSERT_TRUE(test::eventually([&] { return every_service_runs(); }))
      << instance_.sh("show hsm").out;
  EXPECT_TRUE(test::eventually([&] { return state() == "operational"; }));
  EXPECT_EQ(instance_.sh("show itl").status, 0);
  EXPECT_EQ(code_of("utils hsm unlock", kPin + "\n"), "conflict");

  // 5. Phones enrol.
  fleet::Options options;
  options.names = names;
  options.port_offset = instance_.port_offset();
  fleet::Fleet fleet(std::move(options));
  fleet.start();
  EXPECT_TRUE(fleet.wait_until(
      [](const fleet::Report& report) {
        return report.registered() == 2 &&
               std::ranges::all_of(report.phones,
                                   [](const auto& phone) { return phone.enrolments == 1; });
      },
      kPatience));
  fleet.stop();

  // 6. The audit log knows who tried and how it ended; no file knows a PIN.
  core::Database admin(instance_ / "db" / "admin.db", core::Schema::admin, core::Access::read_only);
  std::vector<std::string> events;
  for (const core::AuditRecord& record : core::AuditLog(admin).last(100'000))
    if (record.event.starts_with("HSM_UNLOCK")) events.push_back(record.event);
  ASSERT_GE(events.size(), 4U);
  EXPECT_THAT((std::vector<std::string>(events.begin(), events.begin() + 2)),
              testing::ElementsAre("HSM_UNLOCK_INTENT", "HSM_UNLOCK_FAILED"));
  EXPECT_THAT(events, testing::Contains("HSM_UNLOCK_DONE").Times(1));
  expect_nowhere(kPin);
  expect_nowhere(kWrongPin);
  EXPECT_THAT(wrong.out + wrong.err + right.out + right.err, Not(HasSubstr("pferd")));
}

TEST_F(AttendedHsm, ALaterStartServesWhatItHasAndTheRestAfterThePin) {
  start();
  ASSERT_EQ(unlock(kPin).status, 0);
  ASSERT_TRUE(test::eventually([&] { return every_service_runs(); }));
  const std::string sha1(instance_.json("show itl").at("sha1").as_string());
  instance_.stop();
  start();
  EXPECT_EQ(state(), "locked");
  EXPECT_THAT(instance_.sh("utils service list").out,
              AllOf(HasSubstr("Cisco Tftp[STARTED]"), HasSubstr("Cisco CallManager[STARTED]"),
                    HasSubstr("Cisco Trust Verification Service[STOPPED]  Waiting for the token")));
  EXPECT_EQ(instance_.json("show itl").at("sha1").as_string(), sha1);
  const test::Result right = unlock(kPin);
  EXPECT_THAT(right.out, HasSubstr("Cisco Trust Verification Service is started."));
  EXPECT_THAT(right.out, Not(HasSubstr("first keys")));
  EXPECT_TRUE(test::eventually([&] { return every_service_runs(); }));
  EXPECT_EQ(instance_.json("show itl").at("sha1").as_string(), sha1) << "nothing is signed anew";

  // A signer that is killed forgets the PIN: the house goes on, locked.
  for (const int pid : instance_.processes("signer")) ::kill(pid, SIGKILL);
  EXPECT_TRUE(test::eventually([&] { return state() == "locked"; }));
  EXPECT_EQ(code_of("set cert regen CAPF"), "hsm_locked");
  EXPECT_EQ(unlock(kPin).status, 0);
  EXPECT_TRUE(test::eventually([&] { return state() == "operational"; }));
  EXPECT_EQ(instance_.sh("utils itl reset localkey").status, 0);
}

/// SickHsm has a token that fails as the test says.
class SickHsm : public Hsm {
 protected:
  void SetUp() override {
    std::ofstream(instance_ / "ringfence.toml")
        << "[hsm]\nmodule = \"" RINGFENCE_FAULTY_MODULE "\"\n";
  }

  /// heals waits longer than others: a lost token is tried once in 30 seconds.
  template <typename Happened>
  static bool heals(Happened happened) {
    return test::eventually(happened) || test::eventually(happened) || test::eventually(happened);
  }

  test::TemporaryFolder faults_folder_;
  test::Faults faults_{faults_folder_ / "faults"};
};

TEST_F(SickHsm, IsDegradedWhileTheTokenIsAwayAndOperationalAfter) {
  start();
  EXPECT_EQ(state(), "operational");
  faults_.set("C_Sign 0x32\nC_GetSlotList absent\n");  // CKR_DEVICE_REMOVED
  test::Result refused;
  EXPECT_TRUE(test::eventually([&] {
    refused = instance_.sh("utils itl reset localkey");
    return state() == "degraded" && refused.out.find("retry in") != std::string::npos;
  })) << refused.out;
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.out, HasSubstr("the token is unavailable, retry in "));
  EXPECT_EQ(code_of("set cert regen CAPF"), "hsm_unavailable");
  const test::Result shown = instance_.sh("show hsm");
  EXPECT_EQ(shown.status, 1);
  EXPECT_THAT(shown.out, AllOf(HasSubstr("State            : degraded since 20"),
                               HasSubstr("Reason "), HasSubstr("it is tried again by itself in ")));
  EXPECT_EQ(instance_.sh("show itl").status, 0) << "what needs no key goes on";
  EXPECT_TRUE(every_service_runs());

  faults_.set("");
  EXPECT_TRUE(heals([&] { return state() == "operational"; }));
  EXPECT_TRUE(hsm().at("degraded_since").is_null());
  EXPECT_EQ(instance_.sh("utils itl reset localkey").status, 0);
}

TEST_F(SickHsm, AFirstStartThatMeetsASickTokenIsFinishedWhenItIsWell) {
  faults_.set("C_GenerateKeyPair 0x30 after 2\n");  // CKR_DEVICE_ERROR
  const test::Result started = instance_.start();
  EXPECT_EQ(started.status, 0) << started.out << started.err;
  EXPECT_THAT(started.out, HasSubstr("waits for its token"));
  EXPECT_THAT(instance_.sh("utils service list").out,
              HasSubstr("Cisco Tftp[STOPPED]  Waiting for the token"));
  faults_.set("");
  EXPECT_TRUE(heals([&] { return every_service_runs(); }));
  EXPECT_EQ(instance_.sh("show itl").status, 0);
  EXPECT_EQ(instance_.json("show cert list own").at("certificates").as_array().size(), 5U);
}

}  // namespace
}  // namespace ringfence

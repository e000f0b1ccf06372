// What would strand phones is refused, a recovery list stays, and all phones are reset by a job.

#include <signal.h>

#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/story/house_of_phones.h"
#include "tests/support/command.h"
#include "tests/support/database_file.h"
#include "tests/support/eventually.h"
#include "tests/support/instance.h"

namespace ringfence {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::size_t kPhones = 6;

class GuardsStory : public HouseOfPhones {
 protected:
  GuardsStory() : HouseOfPhones(kPhones) {}

  std::string signer() { return std::string(instance_.json("show itl").at("signer").as_string()); }

  void suspend_registrar(int signal) {
    for (const int pid : instance_.processes("callmanager")) ASSERT_EQ(::kill(pid, signal), 0);
  }

  std::string job_state(int job) {
    const boost::json::object shown = instance_.json("show job " + std::to_string(job));
    return std::string(shown.at("state").as_string());
  }

  /// comes_to waits for a job's state: a registrar that hangs is given up after half a minute.
  bool comes_to(int job, const std::string& state) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (job_state(job) != state)
      if (std::chrono::steady_clock::now() > end) return false;
    return true;
  }
};

TEST_F(GuardsStory, WithoutATvsTheSignerChangesOnlyWhenForcedOverTheNumberOfPhones) {
  ASSERT_EQ(instance_.sh("utils service stop Cisco Trust Verification Service").status, 0);
  const test::Result refused = instance_.sh("--yes set cert regen CallManager");
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.out, HasSubstr("it would strand 6 phones"));
  EXPECT_EQ(audited("CERTIFICATE_REGENERATE_INTENT"), "0") << "nothing began";
  EXPECT_EQ(instance_.sh("--yes set cert regen CallManager force 5").status, 1);
  const test::Result as_json = instance_.sh("--yes --json set cert regen CallManager");
  EXPECT_EQ(as_json.status, 1);
  const auto document = boost::json::parse(as_json.out).as_object();
  EXPECT_EQ(document.at("guards").at(0).at("code").as_string(), "tvs_down");
  EXPECT_EQ(document.at("guards").at(0).at("phones").as_int64(), 6);

  const test::Result forced = instance_.sh("--yes set cert regen CallManager force 6 timeout 60s");
  EXPECT_EQ(forced.status, 5) << forced.out << forced.err;
  EXPECT_EQ(audited("CERTIFICATE_REGENERATE_DONE"), "1");
  EXPECT_THAT(test::sqlite3(instance_.state() / "db" / "admin.db",
                            "select detail from audit where event = 'CERTIFICATE_REGENERATE_DONE'"),
              HasSubstr("\"forced_over_phones\":6"));
}

TEST_F(GuardsStory, AllPhonesAreResetByAJob) {
  const test::Result done = instance_.sh("--yes utils phone reset all timeout 120s");
  EXPECT_EQ(done.status, 0) << done.out << done.err;
  EXPECT_THAT(done.out, HasSubstr("6 of 6 phones returned."));
  for (const auto& phone : fleet_->report().phones) EXPECT_GE(phone.resets, 1U) << phone.name;
  EXPECT_EQ(audited("PHONE_RESET_ALL_DONE"), "1");
}

TEST_F(GuardsStory, PhonesThatHoldAListAndCannotBeToldAreLeftOutOfAResetOfAll) {
  const std::vector<std::string> names = fleet::count_names(kPhones);
  const std::filesystem::path registrar = instance_.state() / "db" / "callmanager.db";
  test::sqlite3(registrar, "delete from registration where device = '" + names[0] + "'");
  test::sqlite3(registrar, "update registration set silent_since = registered_at where device = '" +
                               names[1] + "'");
  ASSERT_EQ(instance_.sh("utils phone add SEP00AABBCCDDEE model CP-8861").status, 0);
  const std::string left_out =
      "2 phones that hold a trust list are not registered or do not answer, and are not told: " +
      names[0] + ", " + names[1] + ".";
  const test::Result done = instance_.sh("--yes utils phone restart all timeout 120");
  EXPECT_EQ(done.status, 5) << done.out << done.err;
  EXPECT_THAT(done.out, HasSubstr("NOTE: " + left_out)) << "said before the question";
  EXPECT_THAT(done.err, HasSubstr("NOTE: " + left_out));
  EXPECT_THAT(done.out, HasSubstr("4 of 4 phones returned."));
  const test::Result as_json = instance_.sh("--yes --json utils phone apply-config all");
  EXPECT_EQ(as_json.status, 5);
  const auto document = boost::json::parse(as_json.out).as_object();
  EXPECT_EQ(document.at("left_out").as_int64(), 2);
  EXPECT_EQ(document.at("left_out_names"), (boost::json::array{names[0], names[1]}));
  EXPECT_THAT(done.out, HasSubstr("2 phones left out; power them on: " + names[0] + ", "));
  EXPECT_THAT(instance_.sh("show job 1").out, HasSubstr(": " + names[0] + ", " + names[1]));
  EXPECT_THAT(std::string(document.at("notes").at(0).as_string()), HasSubstr(left_out));
}

TEST_F(GuardsStory, NobodyIsToldWhileTheServicesAreDownThatHeNeedsThen) {
  const std::string name = fleet::count_names(1).front();
  const std::string install = "set phone capf " + name + " operation install auth_mode null-string";
  const auto expect_refused = [&](const std::string& command, int phones, const std::string& cure) {
    const test::Result refused = instance_.sh("--yes " + command);
    EXPECT_EQ(refused.status, 1) << command << "\n" << refused.out;
    EXPECT_THAT(refused.out, testing::AllOf(HasSubstr("no phone is told"), HasSubstr(cure),
                                            HasSubstr("add: force " + std::to_string(phones))));
    EXPECT_THAT(refused.out, testing::Not(HasSubstr("no line came")));
  };
  const std::string capf = "Cisco Certificate Authority Proxy Function";
  ASSERT_EQ(instance_.sh("utils service stop " + capf).status, 0);
  expect_refused(install + " apply", 1, "utils service start " + capf);
  EXPECT_EQ(audited("PHONE_UPDATE_INTENT"), "0") << "nothing is saved";
  EXPECT_EQ(instance_.sh("set phone capf " + name + " operation none apply").status, 0);
  ASSERT_EQ(instance_.sh("utils service start " + capf).status, 0);

  ASSERT_EQ(instance_.sh("utils service stop Cisco Tftp").status, 0);
  for (const std::string kind : {"reset", "restart", "apply-config"}) {
    expect_refused("utils phone " + kind + " all", 6, "utils service start Cisco Tftp");
    expect_refused("utils phone " + kind + " " + name, 1, "utils service start Cisco Tftp");
  }
  expect_refused(install + " apply", 1, "utils service start Cisco Tftp");
  EXPECT_EQ(instance_.sh("utils phone apply-config " + name + " force 1").status, 0);
  ASSERT_EQ(instance_.sh("utils service start Cisco Tftp").status, 0);

  for (const int pid : instance_.processes("tftp")) ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  expect_refused("utils phone apply-config all", 6, "utils service restart Cisco Tftp");
  for (const int pid : instance_.processes("tftp")) ASSERT_EQ(::kill(pid, SIGCONT), 0);
  EXPECT_EQ(instance_.sh("utils phone apply-config " + name + " force 1").status, 1)
      << "nothing stands in the way";
  EXPECT_EQ(instance_.sh("utils phone apply-config " + name).status, 0);
}

TEST_F(GuardsStory, ARegenerationNamesWhomItLeavesOutAndMissesNoRemovedPhone) {
  const std::vector<std::string> names = fleet::count_names(kPhones);
  ASSERT_EQ(instance_.sh("--yes utils phone remove " + names[5]).status, 0);
  const test::Result all = instance_.sh("--yes set cert regen CAPF timeout 120");
  EXPECT_EQ(all.status, 0) << all.out << all.err;
  EXPECT_THAT(all.out, HasSubstr("5 of 5 phones returned."));
  test::sqlite3(instance_ / "db/callmanager.db",
                "delete from registration where device = '" + names[0] + "'");
  const test::Result rest = instance_.sh("--yes set cert regen CAPF timeout 120");
  EXPECT_EQ(rest.status, 5) << rest.out << rest.err;
  EXPECT_THAT(rest.out, testing::AllOf(HasSubstr("1 of them holds a trust list and is left out: " +
                                                 names[0] + ". So the exit status will be 5."),
                                       HasSubstr("next starts: " + names[0])));
  EXPECT_EQ(instance_.json("show job 2").at("left_out_names"), (boost::json::array{names[0]}));
}

TEST_F(GuardsStory, ACancelledJobNamesTheServiceThatItWaitsFor) {
  const std::filesystem::path registrar = instance_ / "db/callmanager.db";
  fleet_->stop();
  ASSERT_EQ(instance_.sh("--yes utils phone reset all watch no").status, 0);
  ASSERT_TRUE(test::eventually(
      [&] { return test::sqlite3(registrar, "select count(*) from reset where id = 1") == "6"; }));
  suspend_registrar(SIGSTOP);  // first: it may write down just then that nobody answered
  // As if all had taken it, and had not come back when the registrar hung.
  test::sqlite3(registrar, "update reset set answered_at = sent_at, status = 200 where id = 1");
  ASSERT_EQ(instance_.sh("utils job cancel 1").status, 0);
  const auto step = [&] {
    return std::string(instance_.json("show job 1").at("step").as_string());
  };
  const auto end = std::chrono::steady_clock::now() + 40s;
  while (step().find("Cisco CallManager is not responding") == std::string::npos &&
         std::chrono::steady_clock::now() < end) {
  }
  EXPECT_THAT(step(), testing::AllOf(testing::StartsWith("cancelled: waiting for the phones"),
                                     HasSubstr("'utils service restart Cisco CallManager'")));
  const test::Result refused = instance_.sh("--yes utils phone restart all");
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.out, HasSubstr("job 1 (phone-reset) is being cancelled"));
  EXPECT_THAT(instance_.sh("utils job wait 1 timeout 1").out,
              HasSubstr("Cisco CallManager is not responding"));
  suspend_registrar(SIGCONT);
}

TEST_F(GuardsStory, ACancelledRegenerationDoesNotWaitForPhonesThatDoNotAnswer) {
  fleet_->stop();
  ASSERT_EQ(instance_.sh("--yes set cert regen CAPF timeout 5").status, 5);
  ASSERT_EQ(instance_.sh("utils job cancel 1").status, 0);
  const test::Result ended = instance_.sh("utils job wait 1 timeout 8");
  EXPECT_EQ(ended.status, 5);
  EXPECT_THAT(ended.out, HasSubstr("Job 1 was cancelled.\n"));
  EXPECT_EQ(job_state(1), "cancelled");
}

TEST_F(GuardsStory, AllPhonesAreRestartedAndApplyTheirConfigurationByJobs) {
  for (const std::string kind : {"restart", "apply-config"}) {
    const test::Result done = instance_.sh("--yes utils phone " + kind + " all timeout 120");
    EXPECT_EQ(done.status, 0) << done.out << done.err;
    EXPECT_THAT(done.out, HasSubstr("You are about to"));
    EXPECT_THAT(done.out,
                HasSubstr(kind == "restart" ? "6 of 6 phones returned." : "6 of 6 phones told."));
  }
  EXPECT_EQ(audited("PHONE_RESET_ALL_DONE"), "2");
  const boost::json::object jobs = instance_.json("show job list");
  EXPECT_EQ(jobs.at("jobs").at(0).at("subject").as_string(), "apply-config all");
  EXPECT_EQ(jobs.at("jobs").at(1).at("subject").as_string(), "restart all");
}

TEST_F(GuardsStory, AResetOfAllIsPausedResumedAndCancelledAndNoOtherBegins) {
  suspend_registrar(SIGSTOP);  // nobody is told yet
  ASSERT_EQ(instance_.sh("--yes utils phone reset all watch no").status, 0);
  for (const std::string words : {"set cert regen CAPF", "utils phone restart all"}) {
    const test::Result refused = instance_.sh(words, "yes\n");
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.out, HasSubstr("job 1 (phone-reset) is still resetting phones"));
    EXPECT_THAT(refused.out, testing::Not(HasSubstr("(y"))) << "no question before it";
  }
  ASSERT_EQ(instance_.sh("utils job pause 1").status, 0);
  ASSERT_TRUE(comes_to(1, "paused"));
  EXPECT_THAT(instance_.sh("utils phone restart all", "yes\n").out,
              HasSubstr("job 1 (phone-reset) is paused and has not told every phone; let it go on "
                        "with 'utils job resume 1', or end it with 'utils job cancel 1'"));
  suspend_registrar(SIGCONT);
  const test::Result waited = instance_.sh("utils job wait 1 timeout 2");
  EXPECT_EQ(waited.status, 5);
  EXPECT_EQ(job_state(1), "paused");
  ASSERT_EQ(instance_.sh("utils job resume 1").status, 0);
  const test::Result done = instance_.sh("utils job wait 1 timeout 120");
  EXPECT_EQ(done.status, 0) << done.out;
  EXPECT_THAT(done.out, HasSubstr("Job 1: 6 of 6 phones returned."));

  suspend_registrar(SIGSTOP);
  ASSERT_EQ(instance_.sh("--yes utils phone restart all watch no").status, 0);
  ASSERT_EQ(instance_.sh("utils job cancel 2").status, 0);
  const test::Result cancelled = instance_.sh("utils job wait 2 timeout 60");
  suspend_registrar(SIGCONT);
  EXPECT_EQ(cancelled.status, 5) << cancelled.out;
  EXPECT_THAT(cancelled.out, HasSubstr("Job 2 was cancelled.\n"));
  EXPECT_EQ(job_state(2), "cancelled");
  EXPECT_EQ(instance_.json("show job 2").at("step").as_string(), "cancelled");
  EXPECT_EQ(instance_.sh("utils job resume 2").status, 1) << "it has ended";
}

TEST_F(GuardsStory, AStoppedInstanceSaysThatItsJobGoesOnAndItDoes) {
  // The books have seconds: a registration and a reset of the same one cannot be told apart.
  const std::time_t came = std::time(nullptr);
  ASSERT_TRUE(test::eventually([&] { return std::time(nullptr) > came; }));
  fleet_->stop();  // no phone answers: the job is at work for a while
  ASSERT_EQ(instance_.sh("--yes utils phone reset all watch no").status, 0);
  const test::Result stopped = instance_.stop();
  EXPECT_EQ(stopped.status, 0);
  EXPECT_THAT(stopped.out + stopped.err,
              HasSubstr("job 1 goes on when this Ringfence starts again; watch it then with: utils "
                        "job wait 1\n"));
  start();
  EXPECT_EQ(job_state(1), "running");
  const test::Result waited = instance_.sh("utils job wait 1 timeout 1");
  EXPECT_EQ(waited.status, 5) << waited.out;
}

TEST_F(GuardsStory, ARecoveryListStaysUntilCiscoTftpIsRestarted) {
  ASSERT_EQ(instance_.sh("--yes utils itl reset localkey").status, 0);
  const std::string recovery = signer();
  EXPECT_THAT(recovery, HasSubstr("ITLRECOVERY"));
  EXPECT_THAT(instance_.sh("show status").out,
              HasSubstr("WARNING: A recovery list is in force: ITLRecovery signs the ITL."));
  ASSERT_EQ(instance_.stop().status, 0);
  start();
  EXPECT_EQ(signer(), recovery);
  for (const int admin : instance_.processes("admin"))
    ASSERT_EQ(test::run({"kill", "-KILL", std::to_string(admin)}).status, 0);
  start();
  EXPECT_EQ(signer(), recovery);
  const test::Result restarted = instance_.sh("utils service restart Cisco Tftp");
  ASSERT_EQ(restarted.status, 0);
  EXPECT_THAT(restarted.out, HasSubstr("NOTE: The recovery list is ended: "));
  EXPECT_NE(signer(), recovery);
}

TEST_F(GuardsStory, ARecoveryListStaysWhenARestartMendsCiscoTftp) {
  const auto end_phones_files = [&](bool hang) {
    if (!hang) {
      ASSERT_EQ(instance_.sh("utils service stop Cisco Tftp").status, 0);
      return;
    }
    for (const int pid : instance_.processes("tftp")) ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  };
  for (const bool hang : {false, true}) {
    end_phones_files(hang);
    const test::Result reset = instance_.sh("--yes utils itl reset localkey");
    EXPECT_EQ(reset.status, 5) << reset.out << reset.err;
    EXPECT_THAT(reset.out, HasSubstr("Number of Active TFTP servers in the cluster : 0"));
    EXPECT_THAT(reset.out, testing::Not(HasSubstr("Successfully transferred")));
    EXPECT_THAT(reset.out, HasSubstr(std::string("'utils service ") + (hang ? "restart" : "start") +
                                     " Cisco Tftp'"));
    const test::Result as_json = instance_.sh("--json utils itl reset localkey");
    EXPECT_EQ(as_json.status, 5);
    const auto document = boost::json::parse(as_json.out).as_object();
    EXPECT_EQ(document.at("nodes").as_array().size(), 0U);
    EXPECT_GE(document.at("warnings").as_array().size(), 1U);
    const std::string recovery = signer();

    const test::Result refused = instance_.sh("--yes utils phone reset all");
    EXPECT_EQ(refused.status, 1) << refused.out;
    EXPECT_THAT(refused.out, HasSubstr("6 phones"));
    EXPECT_THAT(refused.out, HasSubstr("add: force 6"));

    const test::Result mended = instance_.sh("utils service restart Cisco Tftp");
    EXPECT_EQ(mended.status, 0) << mended.out;
    EXPECT_THAT(mended.out, HasSubstr("NOTE: The recovery list stays in force"));
    EXPECT_THAT(mended.out, HasSubstr(hang ? "was not responding" : "was not running"));
    EXPECT_EQ(signer(), recovery);
    EXPECT_THAT(recovery, HasSubstr("ITLRECOVERY"));
  }
  const test::Result ended = instance_.sh("utils service restart Cisco Tftp");
  EXPECT_THAT(ended.out, HasSubstr("NOTE: The recovery list is ended: "));
}

TEST_F(GuardsStory, ARegistrarThatHangsKnowsNoRegistrations) {
  suspend_registrar(SIGSTOP);
  const std::string unknown = "unknown: Cisco CallManager is not responding";
  EXPECT_THAT(instance_.sh("show status").out, HasSubstr("Phones registered : " + unknown));
  EXPECT_THAT(instance_.sh("show phone " + fleet::count_names(1).front()).out, HasSubstr(unknown));
  const boost::json::object list = instance_.json("show phone list");
  for (const boost::json::value& phone : list.at("phones").as_array())
    EXPECT_FALSE(phone.at("registered").as_bool());
  suspend_registrar(SIGCONT);
  EXPECT_THAT(instance_.sh("show status").out, HasSubstr("Phones registered : 6\n"));
}

}  // namespace
}  // namespace ringfence

#include <memory>
#include <sstream>

#include <gmock/gmock.h>

#include "tests/support/golden.h"
#include "tests/unit/shell/commands_fixture.h"

namespace ringfence::shell::test {
namespace {

using namespace core::admin;
using ::ringfence::test::expect_golden;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

TEST_F(CommandsTest, TakesATimeoutWithoutAUnitAsSeconds) {
  admin->record("job.wait", job(2, 25, "running", true));
  EXPECT_EQ(run("utils job wait 3 timeout 1"), Status::phones_missing);
  EXPECT_THAT(console.output, HasSubstr("The time is over with 25 of 50 phones returned;"));
  for (const std::string wrong : {"0", "1x", "x", "99999999999", "1.5"})
    EXPECT_THAT(output_of("utils job wait 3 timeout " + wrong),
                HasSubstr("Enter valid values for the timeout."))
        << wrong;
}

TEST_F(CommandsTest, TellsTheWholeStoryOfARegeneration) {
  record_regeneration();
  console.typed = {"yes"};
  expect_golden("shell/regenerate.txt", transcript({"set cert regen CAPF"}));
}

TEST_F(CommandsTest, KeepsTheOldWarningForTheRecoveryCertificate) {
  admin->record("cert.plan", RegeneratePlan{"ITLRecovery", 50, 0, {}});
  console.typed = {"no"};
  EXPECT_EQ(run("set cert regen ITLRecovery"), Status::failed);
  expect_golden("shell/regenerate_recovery.txt", console.output);
}

TEST_F(CommandsTest, DoesNotRegenerateWithoutAYes) {
  record_regeneration();
  for (const std::string answer : {"no", "", "yess", "n"}) {
    console.typed = {answer};
    EXPECT_EQ(run("set cert regen CAPF"), Status::failed);
    EXPECT_THAT(console.output, HasSubstr("Regeneration cancelled.\n"));
  }
  console.typed.clear();  // the end of input
  EXPECT_EQ(run("set cert regen CAPF"), Status::failed);
  EXPECT_THAT(admin->asked(), Not(Contains("cert.regenerate")));
}

TEST_F(CommandsTest, AnswersItselfWithTheOptionYes) {
  record_regeneration();
  session.questions = Questions::answer_yes;
  EXPECT_EQ(run("set cert regen CAPF"), Status::success);
  EXPECT_THAT(console.output, HasSubstr("resets 50 registered phones"));
  EXPECT_THAT(console.output, HasSubstr("Proceed with regeneration (yes|no)? yes\n"));
  EXPECT_THAT(console.output, HasSubstr("Job 3: 50 of 50 phones returned.\n"));
}

TEST_F(CommandsTest, PrintsAtMostALineATenthOfTheWay) {
  record_regeneration();
  session.questions = Questions::answer_yes;
  run("set cert regen CAPF");
  int lines = 0;
  for (std::size_t at = console.output.find("Job 3:"); at != std::string::npos;
       at = console.output.find("Job 3:", at + 1)) {
    ++lines;
  }
  EXPECT_EQ(lines, 11);  // 0, 10 … 90 percent, and the last
}

TEST_F(CommandsTest, DrawsABarInATerminal) {
  record_regeneration();
  session.questions = Questions::answer_yes;
  console.terminal = true;
  run("set cert regen CAPF");
  EXPECT_THAT(console.bars,
              Contains("[###############---------------] Job 3: 25 of 50 phones returned."));
  EXPECT_EQ(console.bars.back(), "");
  EXPECT_THAT(console.output, HasSubstr("Job 3: 50 of 50 phones returned.\n"));
  EXPECT_THAT(console.output, Not(HasSubstr("25 of 50")));
}

TEST_F(CommandsTest, SaysByItsStatusThatTheCertificateIsNewAndPhonesAreMissing) {
  admin->record("cert.plan", RegeneratePlan{"CAPF", 50, 50, {}});
  admin->record("cert.regenerate", JobStarted{3});
  JobReport end = job(9, 25, "done", true);
  end.not_returned = 25;
  for (int i = 10; i < 35; ++i) {
    end.missing.push_back({"SEP0011223344" + std::to_string(i), "not_returned", ""});
  }
  admin->record("job.wait", end);
  console.typed = {"y"};
  EXPECT_EQ(run("set cert regen CAPF"), Status::phones_missing);
  EXPECT_THAT(console.output,
              HasSubstr("Job 3: 25 of 50 phones returned.\n25 phones did not return:\n"
                        "   SEP001122334410   not_returned\n"));
  EXPECT_THAT(console.output, HasSubstr("   and 5 more\nSee them all with: show job 3\n"));
  EXPECT_EQ(run("utils job wait 3"), Status::phones_missing);
}

TEST_F(CommandsTest, LeavesTheWatchWhenItsTimeIsOver) {
  admin->record("job.wait", job(2, 25, "running", true));
  EXPECT_EQ(run("utils job wait 3 timeout 1s"), Status::phones_missing);
  EXPECT_THAT(console.output, HasSubstr("The time is over with 25 of 50 phones returned; the job "
                                        "goes on. Watch it again with: utils job wait 3\n"));
  admin->record("job.wait", job(2, 25, "paused", true));
  EXPECT_EQ(run("utils job wait 3 timeout 1s"), Status::phones_missing);
  EXPECT_THAT(console.output, HasSubstr("25 of 50 phones returned; the job is paused. Watch it"));
}

TEST_F(CommandsTest, FailsWhenTheTimeIsOverBeforeTheChange) {
  admin->record("job.wait", job(2, 0, "running", false));
  EXPECT_EQ(run("utils job wait 3 timeout 1s"), Status::failed);
  EXPECT_THAT(console.output, HasSubstr("the change is not made yet; the job goes on."));
}

TEST_F(CommandsTest, RefusesATimeoutThatIsNoneBeforeAnythingIsAsked) {
  EXPECT_EQ(run("set cert regen CAPF timeout soon"), Status::failed);
  EXPECT_THAT(console.output, HasSubstr("Enter valid values for the timeout."));
  EXPECT_TRUE(admin->asked().empty());
}

TEST_F(CommandsTest, SaysThatAJobGoesOnWhenRingfenceIsStopped) {
  JobReport report = job(2, 25, "running", true);
  report.stopping = true;
  admin->record("job.wait", report);
  EXPECT_EQ(run("utils job wait 3"), Status::phones_missing);
  EXPECT_THAT(console.output, HasSubstr("Ringfence is being stopped. Job 3 goes on when it starts "
                                        "again. Watch it then with: utils job wait 3\n"));
}

TEST_F(CommandsTest, CountsPhonesThatTheChangeDidNotReach) {
  JobReport end = job(9, 50, "done", true);
  end.left_out = 2;
  admin->record("job.wait", end);
  EXPECT_EQ(run("utils job wait 3"), Status::phones_missing);
  EXPECT_THAT(console.output,
              HasSubstr("2 phones that hold a trust list were not registered or did "
                        "not answer, and fetch"));
}

TEST_F(CommandsTest, RefusesWhatWouldStrandPhonesWithoutItsQuestion) {
  RegeneratePlan plan{"CallManager", 60, 60, {}};
  plan.guards = {{"tvs_down", 60, {"SEP000000000001"}, "Cisco TVS does not answer.", "Start it."}};
  plan.stranded = 60;
  plan.refusal =
      "it would strand 60 phones\nCisco TVS does not answer. That is 60 phones.\nadd: force 60";
  admin->record("cert.plan", plan);
  EXPECT_EQ(run("set cert regen CallManager"), Status::failed);
  EXPECT_THAT(console.output,
              HasSubstr("WARNING: Cisco TVS does not answer. This would strand 60 phones: "
                        "SEP000000000001 and 59 more. Start it.\n"));
  EXPECT_THAT(console.output, HasSubstr("it would strand 60 phones\nadd: force 60\nExecuted"));
  EXPECT_THAT(admin->asked(), Not(Contains("cert.regenerate")));

  session.output = Output::json;
  session.questions = Questions::answer_yes;
  console.output.clear();
  admin->record("cert.plan", plan);
  EXPECT_EQ(run("set cert regen CallManager"), Status::failed);
  const auto document = boost::json::parse(console.output).as_object();
  EXPECT_EQ(document.at("guards").at(0).at("phones").as_int64(), 60);
  EXPECT_EQ(document.at("guards").at(0).at("code").as_string(), "tvs_down");
  EXPECT_EQ(document.at("stranded").as_int64(), 60);
  EXPECT_THAT(admin->asked(), Not(Contains("cert.regenerate")));
}

TEST_F(CommandsTest, SaysWhyARegenerationFailed) {
  admin->record("cert.plan", RegeneratePlan{"CAPF", 50, 50, {}});
  admin->record("cert.regenerate", JobStarted{3});
  JobReport end = job(2, 0, "failed", false);
  end.message = "the token cannot sign now";
  admin->record("job.wait", end);
  console.typed = {"yes"};
  EXPECT_EQ(run("set cert regen CAPF"), Status::failed);
  EXPECT_THAT(console.output,
              HasSubstr("the token cannot sign now\nExecuted command unsuccessfully\n"));
  EXPECT_THAT(console.output, Not(HasSubstr("Successfully")));
}

TEST_F(CommandsTest, LeavesTheWatchAtCtrlCAndSaysHowToReturn) {
  record_regeneration();
  console.typed = {"yes"};
  console.interrupt = true;
  // The answers come at once, so leave by a daemon that is away.
  admin = std::make_shared<RecordedAdmin>();
  session.admin = admin;
  admin->record("cert.plan", RegeneratePlan{"CAPF", 50, 50, {}});
  admin->record("cert.regenerate", JobStarted{3});
  admin->record("job.wait", core::Error(core::Code::io, "nobody answers"));
  EXPECT_EQ(run("set cert regen CAPF"), Status::failed);
  EXPECT_THAT(console.output,
              HasSubstr("The job goes on. Watch it again with: utils job wait 3\n"));
}

TEST_F(CommandsTest, WatchesOnWhenTheDaemonComesBack) {
  admin->record("job.wait", job(1, 10, "running", true));
  admin->record("job.wait", core::Error(core::Code::io, "nobody answers"));
  admin->record("job.wait", core::Error(core::Code::io, "nobody answers"));
  admin->record("job.wait", job(7, 50, "done", true));
  EXPECT_EQ(run("utils job wait 3"), Status::success);
  EXPECT_EQ(console.pauses, 2);
  EXPECT_THAT(console.output, HasSubstr("Job 3: 50 of 50 phones returned.\n"));
}

TEST_F(CommandsTest, GivesUpOnADaemonThatStaysAway) {
  admin->record("job.wait", core::Error(core::Code::io, "nobody answers on admin.sock"));
  EXPECT_EQ(run("utils job wait 3"), Status::failed);
  EXPECT_THAT(console.output, HasSubstr("nobody answers on admin.sock\nExecuted command"));
}

TEST_F(CommandsTest, ShowsJobs) {
  JobReport done = job(60, 49, "done", true);
  done.finished = "2026-11-21T10:05:00Z";
  done.waiting = 0;
  done.not_returned = 1;
  done.missing = {{"SEP001122334455", "not_returned", "2026-11-21T10:05:00Z"}};
  admin->record("job.list", JobList{{done}});
  admin->record("job.show", done);
  expect_golden("shell/jobs.txt", transcript({"show job list", "show job 3"}));
  EXPECT_EQ(admin->last_request().at("job").as_int64(), 3);
}

TEST_F(CommandsTest, SaysThatAServiceWasNotToldOfANewCertificate) {
  admin->record("cert.plan", RegeneratePlan{"TVS", 0, 0, {}});
  admin->record("cert.regenerate", JobStarted{3});
  JobReport end = job(9, 0, "done", true);
  end.total = 0;
  end.untold_services = {"Cisco Trust Verification Service"};
  admin->record("job.wait", end);
  session.questions = Questions::answer_yes;
  EXPECT_EQ(run("set cert regen TVS"), Status::phones_missing);
  EXPECT_THAT(console.output, Not(HasSubstr("use the new certificate already")));
}

TEST_F(CommandsTest, BreaksSentencesBetweenWordsInANarrowTerminal) {
  console.terminal = true;
  console.width = 50;
  admin->record(
      "cert.plan",
      RegeneratePlan{"CAPF", 2, 1, {"1 known phone is not registered; it is not reset."}});
  console.typed = {"n"};
  run("set cert regen CAPF");
  std::istringstream lines(console.output);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 50U) << line;
  EXPECT_THAT(console.output,
              HasSubstr("NOTE: 1 known phone is not registered; it is not\nreset.\n"));
}

TEST_F(CommandsTest, SaysWhichServiceDoesNotUseANewCertificateYet) {
  admin->record("cert.plan", RegeneratePlan{"TVS", 0, 0, {}});
  admin->record("cert.regenerate", JobStarted{3});
  JobReport end = job(9, 0, "done", true);
  end.total = 0;
  end.idle_services = {"Cisco Trust Verification Service"};
  admin->record("job.wait", end);
  session.questions = Questions::answer_yes;
  run("set cert regen TVS");
  EXPECT_THAT(console.output,
              HasSubstr("WARNING: Cisco Trust Verification Service does not run; it "
                        "uses the new certificate once it is started: "));
  EXPECT_THAT(console.output, Not(HasSubstr("use the new certificate already")));
}

}  // namespace
}  // namespace ringfence::shell::test

// utils capf bulk, utils job and the security profiles, against a recorded daemon.
#include <sys/stat.h>

#include <gmock/gmock.h>

#include "core/admin/bulk_api.h"
#include "core/base/bytes.h"
#include "core/base/file.h"
#include "shell/watch.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/shell/shell_fixture.h"

namespace ringfence::shell::test {
namespace {

using namespace core::admin;
using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

JobReport bulk_job(std::int64_t revision, std::vector<JobCount> counts, std::string state) {
  JobReport report;
  report.job = 3;
  report.revision = revision;
  report.kind = "capf-bulk";
  report.subject = "install, null-string";
  report.who = "root";
  report.state = std::move(state);
  report.published = true;
  report.started = "2026-11-21T10:00:00Z";
  for (const JobCount& one : counts) report.total += one.count;
  report.counts = std::move(counts);
  return report;
}

BulkPreview plan() {
  BulkPreview plan;
  plan.matched = 62;
  plan.chosen = 60;
  plan.not_registered = 1;
  plan.operation = "install";
  plan.completes_by = "2026:11:28:10";
  plan.reasons = {{"mode_mismatch", 2}};
  plan.notes = {"1 of these phones are not registered."};
  plan.excluded = {{"SEP000000000001", "mode_mismatch", "its profile says lsc"},
                   {"SEP000000000002", "mode_mismatch", "its profile says mic"}};
  return plan;
}

class BulkTest : public ShellTest {
 protected:
  void record_job() {
    admin->record("bulk.preview", plan());
    admin->record("bulk.start", BulkStarted{3, 60, 2, {}});
    admin->record("job.wait", bulk_job(1, {{"waiting", 50}, {"applied", 10}}, "running"));
    admin->record("job.wait", bulk_job(2, {{"waiting", 20}, {"succeeded", 40}}, "running"));
    admin->record("job.wait", bulk_job(3, {{"succeeded", 60}}, "done"));
  }
};

TEST_F(BulkTest, PreviewSaysWhoIsLeftOutAndWhy) {
  admin->record("bulk.preview", plan());
  EXPECT_EQ(run("utils capf bulk preview model CP-88* lsc none auth_mode null-string"),
            Status::success);
  EXPECT_THAT(console.output, HasSubstr("Phones in the job : 60"));
  EXPECT_THAT(console.output, HasSubstr("   mode_mismatch  : 2"));
  EXPECT_THAT(console.output, HasSubstr("   SEP000000000002   its profile says mic\n"));
  EXPECT_THAT(console.output, HasSubstr("NOTE: 1 of these phones are not registered."));
  const auto request = from_json<BulkRequest>(admin->last_request());
  EXPECT_FALSE(request.all);
  EXPECT_EQ(request.model, "CP-88*");
  EXPECT_EQ(request.lsc, "none");
  EXPECT_EQ(request.auth_mode, "null-string");
  EXPECT_EQ(request.operation, "install");
}

TEST_F(BulkTest, AllIsAWordOfItsOwn) {
  admin->record("bulk.preview", plan());
  EXPECT_EQ(run("utils capf bulk preview all operation delete"), Status::success);
  const auto request = from_json<BulkRequest>(admin->last_request());
  EXPECT_TRUE(request.all);
  EXPECT_EQ(request.operation, "delete");
  EXPECT_EQ(run("utils capf bulk preview all model CP-8861"), Status::failed);
  EXPECT_EQ(run("utils capf bulk start all"), Status::not_understood);  // operation is missing
}

TEST_F(BulkTest, PreviewOfNobodyFails) {
  admin->record("bulk.preview", BulkPreview());
  EXPECT_EQ(run("utils capf bulk preview lsc expired"), Status::failed);
}

TEST_F(BulkTest, StartShowsThePlanAndAsks) {
  record_job();
  console.typed = {"n"};
  EXPECT_EQ(run("utils capf bulk start all operation install"), Status::failed);
  EXPECT_THAT(console.output, HasSubstr("SEP000000000001   its profile says lsc"));
  EXPECT_THAT(console.output,
              HasSubstr("You are about to write new CAPF settings for 60 phones, and to make them "
                        "apply their configurations. Continue? (y/n): "));
  EXPECT_THAT(console.output, HasSubstr("Bulk job cancelled."));
  EXPECT_THAT(admin->asked(), Not(Contains("bulk.start")));
}

TEST_F(BulkTest, StartWatchesTheJobToItsEnd) {
  record_job();
  console.typed = {"yes"};
  EXPECT_EQ(run("utils capf bulk start all operation install"), Status::phones_missing);
  EXPECT_THAT(console.output, HasSubstr("Job 3 started for 60 phones.\n2 phones left out.\n"));
  EXPECT_THAT(console.output,
              HasSubstr("Job 3: 0 of 60 phones have ended (50 waiting, 10 applied)."));
  EXPECT_THAT(console.output, HasSubstr("\nJob 3: 60 of 60 phones succeeded.\n"));
}

TEST_F(BulkTest, FailsWhenAPhoneDoesNotSucceedAndSaysWhichAndWhy) {
  JobReport end = bulk_job(3, {{"succeeded", 59}, {"failed", 1}}, "done");
  end.missing = {{"SEP000000000009", "failed", "2026-11-21T10:01:00Z",
                  "Upgrade Failed: Invalid Authentication String"}};
  admin->record("job.wait", end);
  EXPECT_EQ(run("utils capf bulk watch 3"), Status::phones_missing);
  EXPECT_THAT(console.output,
              HasSubstr("Job 3: 59 of 60 phones succeeded.\n1 phone did not succeed:\n"
                        "   SEP000000000009   failed   Upgrade Failed: Invalid Authentication "
                        "String\n"));
  EXPECT_EQ(run("utils job wait 3"), Status::phones_missing);
}

TEST_F(BulkTest, ACancelledJobIsNoSuccess) {
  admin->record("job.wait", bulk_job(9, {{"succeeded", 10}, {"cancelled", 50}}, "cancelled"));
  EXPECT_EQ(run("utils capf bulk watch 3"), Status::phones_missing);
  EXPECT_THAT(console.output, HasSubstr("Job 3 was cancelled.\nJob 3: 10 of 60 phones succeeded."));
}

TEST_F(BulkTest, APausedJobIsStillWatched) {
  admin->record("job.wait", bulk_job(1, {{"waiting", 50}, {"succeeded", 10}}, "paused"));
  admin->record("job.wait", bulk_job(2, {{"succeeded", 60}}, "done"));
  EXPECT_EQ(run("utils capf bulk watch 3"), Status::success);
  EXPECT_THAT(console.output, HasSubstr("The job is paused."));
}

TEST_F(BulkTest, DrawsABarInATerminalAndTakesItAway) {
  record_job();
  console.terminal = true;
  EXPECT_EQ(run("utils capf bulk watch 3"), Status::success);
  ASSERT_EQ(console.bars.size(), 3U);
  EXPECT_EQ(console.bars[0], "[------------------------------]  0/60  50 waiting, 10 applied");
  EXPECT_EQ(console.bars[1], "[####################----------]  40/60  20 waiting, 40 succeeded");
  EXPECT_EQ(console.bars[2], "");
  EXPECT_THAT(console.output, Not(HasSubstr("have ended")));
}

TEST_F(BulkTest, HasNothingButTheStringsOnStandardOutput) {
  record_job();
  admin->record("bulk.start", BulkStarted{3, 60, 2, {}});
  auto with_strings = std::make_shared<RecordedAdmin>();
  with_strings->record("bulk.preview", plan());
  with_strings->record("bulk.start",
                       BulkStarted{3, 2, 0, {{"CSFa", "01234567"}, {"CSFb", "9876"}}});
  with_strings->record("job.wait", bulk_job(3, {{"succeeded", 2}}, "done"));
  session.admin = with_strings;
  session.questions = Questions::answer_yes;
  EXPECT_EQ(run("utils capf bulk start all operation install auth_mode auth-string "
                "unique_strings 8"),
            Status::success);
  EXPECT_EQ(console.output, "name,auth_string\nCSFa,01234567\nCSFb,9876\n");
  EXPECT_THAT(console.errors, HasSubstr("Phones in the job : 60"));
  EXPECT_THAT(console.errors, HasSubstr("Continue? (y/n): yes"));
  EXPECT_THAT(console.errors, HasSubstr("Job 3: 2 of 2 phones succeeded."));
  EXPECT_THAT(console.errors, Not(HasSubstr("01234567")));
}

TEST_F(BulkTest, WritesTheStringsIntoANewFileOfItsOwner) {
  const ::ringfence::test::TemporaryFolder folder;
  const std::string path = (folder / "strings.csv").string();
  admin->record("bulk.preview", plan());
  admin->record("bulk.start", BulkStarted{3, 2, 0, {{"CSFa", "01234567"}}});
  session.questions = Questions::answer_yes;
  const std::string line =
      "utils capf bulk start all operation install auth_mode auth-string unique_strings 8 watch no "
      "strings_file " +
      path;
  EXPECT_EQ(run(line), Status::success);
  EXPECT_EQ(core::text_of(core::read_file(path, 1000)), "name,auth_string\nCSFa,01234567\n");

  struct stat facts {};

  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  EXPECT_THAT(console.output, Not(HasSubstr("01234567")));
  console.output.clear();
  EXPECT_EQ(run(line), Status::failed);  // it is there already, and nothing is started
  EXPECT_THAT(console.output, HasSubstr("exists already; name another file, or add 'overwrite'"));
  EXPECT_EQ(std::ranges::count(admin->asked(), "bulk.start"), 1);
}

TEST_F(BulkTest, LeavesNoFileBehindWhenTheJobIsRefused) {
  const ::ringfence::test::TemporaryFolder folder;
  const std::string path = (folder / "strings.csv").string();
  admin->record("bulk.preview", plan());
  admin->record("bulk.start", core::Error(core::Code::refused, "no phone matches"));
  session.questions = Questions::answer_yes;
  EXPECT_EQ(run("utils capf bulk start all operation install auth_mode auth-string unique_strings "
                "8 strings_file " +
                path),
            Status::failed);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(BulkTest, JsonDoesNotLoseStringsWhileItWatches) {
  admin->record("bulk.preview", plan());
  admin->record("bulk.start", BulkStarted{3, 1, 0, {{"CSFa", "01234567"}}});
  session.output = Output::json;
  session.questions = Questions::answer_yes;
  EXPECT_EQ(run("utils capf bulk start all operation install auth_mode auth-string unique_strings "
                "8"),
            Status::failed);
  EXPECT_THAT(admin->asked(), Not(Contains("bulk.start")));
  console.output.clear();
  EXPECT_EQ(run("utils capf bulk start all operation install auth_mode auth-string unique_strings "
                "8 watch no"),
            Status::success);
  EXPECT_THAT(console.output, HasSubstr(R"("strings":[{"name":"CSFa","auth_string":"01234567"}])"));
}

TEST_F(BulkTest, PausesResumesAndCancelsJobsOfBothKinds) {
  for (const std::string verb : {"pause", "resume", "cancel"}) {
    admin->record("job." + verb, bulk_job(4, {{"waiting", 1}}, "running"));
    for (const std::string words : {"utils job ", "utils capf bulk "}) {
      EXPECT_EQ(run(words + verb + " 3"), Status::success);
      EXPECT_EQ(admin->asked().back(), "job." + verb);
      EXPECT_EQ(admin->last_request().at("job").as_int64(), 3);
    }
  }
  EXPECT_THAT(console.output, HasSubstr("Job 3 pauses: no further phones are asked."));
  EXPECT_THAT(console.output, HasSubstr("Job 3 goes on."));
  EXPECT_THAT(console.output, HasSubstr("Watch it end with: utils job wait 3"));
}

TEST_F(BulkTest, ListsBulkJobsOnly) {
  JobReport other;
  other.kind = "regenerate";
  other.subject = "CAPF";
  admin->record("job.list",
                JobList{{bulk_job(1, {{"waiting", 7}, {"failed", 1}}, "running"), other}});
  EXPECT_EQ(run("utils capf bulk list"), Status::success);
  EXPECT_THAT(console.output, HasSubstr("7 waiting, 1 failed"));
  EXPECT_THAT(console.output, Not(HasSubstr("CAPF")));
}

TEST_F(BulkTest, SetsListsAndRemovesSecurityProfiles) {
  const SecurityProfileFacts facts{"Floor 1", "lsc", "rsa-only", 2048, 384, 12, 3};
  admin->record("profile.set", facts);
  admin->record("profile.list", SecurityProfileList{{facts}});
  admin->record("profile.remove", Nothing{});
  EXPECT_EQ(run("set phone profile \"Floor 1\" auth_mode lsc"), Status::success);
  const auto fields = from_json<SecurityProfileFields>(admin->last_request());
  EXPECT_EQ(fields.name, "Floor 1");
  EXPECT_EQ(fields.auth_mode, "lsc");
  EXPECT_EQ(fields.key_order, std::nullopt);
  EXPECT_THAT(console.output, HasSubstr("3 of its 12 phones have another authentication mode"));
  EXPECT_EQ(run("show phone profile list"), Status::success);
  EXPECT_THAT(console.output, HasSubstr("Floor 1  lsc"));
  EXPECT_EQ(run("utils phone profile remove \"Floor 1\""), Status::success);
  EXPECT_EQ(admin->last_request().at("name").as_string(), "Floor 1");
}

TEST(BulkBar, FitsTheTerminalWhateverItsWidth) {
  const JobReport report =
      bulk_job(1, {{"waiting", 50}, {"enrolling", 9}, {"succeeded", 41}}, "running");
  Pace pace;
  const Pace::Instant start{};
  pace.note(start, 1);
  pace.note(start + 10s, 41);
  EXPECT_EQ(bulk_bar(report, pace, 120),
            "[############------------------]  41/100  50 waiting, 9 enrolling, 41 succeeded  "
            "4.0/s  15 s left");
  EXPECT_EQ(bulk_bar(report, pace, 40), "[###########------------------]  41/100");
  for (std::size_t columns = 1; columns < 130; ++columns)
    EXPECT_LT(bulk_bar(report, pace, columns).size(), columns) << columns;
}

TEST(RegenerationBar, LeavesRoomForItsCount) {
  JobReport report;
  report.job = 3;
  report.kind = "regenerate";
  report.total = 50;
  report.returned = 20;
  EXPECT_EQ(regeneration_bar(report, 80),
            "[############------------------] Job 3: 20 of 50 phones returned.");
  EXPECT_EQ(regeneration_bar(report, 50), "[#####---------] Job 3: 20 of 50 phones returned.");
  EXPECT_EQ(regeneration_bar(report, 40), "Job 3: 20 of 50 phones returned.");
}

TEST(Pace, LooksAtTheLastHalfMinute) {
  Pace pace;
  const Pace::Instant start{};
  EXPECT_EQ(pace.left(10), std::nullopt);
  pace.note(start, 0);
  pace.note(start + 1s, 30);
  EXPECT_EQ(pace.left(10), std::nullopt);  // too early to tell
  pace.note(start + 100s, 1000);           // fast, long ago
  for (int i = 1; i <= 40; ++i) pace.note(start + 100s + std::chrono::seconds(i), 1000 + i);
  EXPECT_NEAR(pace.a_second(), 1.0, 0.01);
  EXPECT_EQ(pace.left(10), 11s);
}

}  // namespace
}  // namespace ringfence::shell::test

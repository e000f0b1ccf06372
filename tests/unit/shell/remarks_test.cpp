// Warnings and notes: on the terminal, in the document, and on the error stream of scripts.
#include "shell/remarks.h"

#include <gmock/gmock.h>

#include "core/admin/capf_api.h"
#include "tests/unit/shell/shell_fixture.h"

namespace ringfence::shell::test {
namespace {

using namespace core::admin;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Remarks, AreReadOutOfATextForPeople) {
  const Remarks found = remarks_in(
      "\nWARNING: One that goes \non in a second line.\n\nNo remark.\nNOTE: A note.\nWARNING: "
      "Two.\n");
  EXPECT_THAT(found.warnings, ElementsAre("One that goes on in a second line.", "Two."));
  EXPECT_THAT(found.notes, ElementsAre("A note."));
  EXPECT_TRUE(remarks_in("").empty());
}

TEST(Remarks, AreTakenOnce) {
  Remarks all{{"a"}, {}};
  const Remarks news = all.add({{"a", "b"}, {"c"}});
  EXPECT_THAT(news.warnings, ElementsAre("b"));
  EXPECT_EQ(news.text(), "WARNING: b\nNOTE: c\n");
  EXPECT_THAT(all.warnings, ElementsAre("a", "b"));
}

class RemarksTest : public ShellTest {
 protected:
  RemarksTest() {
    admin->record("cert.plan", RegeneratePlan{"CAPF", 3, 2, {"One phone is not registered."}});
    admin->record("cert.regenerate", JobStarted{1});
    JobReport report;
    report.job = 1;
    report.state = "done";
    report.published = true;
    admin->record("job.wait", report);
  }

  boost::json::object document(const std::string& line) {
    return boost::json::parse(output_of(line)).as_object();
  }
};

TEST_F(RemarksTest, StandInTheDocumentAndOnTheErrorStream) {
  session.output = Output::json;
  session.questions = Questions::answer_yes;
  const auto report = document("set cert regen CAPF");
  EXPECT_EQ(report.at("notes").as_array(), (boost::json::array{"One phone is not registered."}));
  EXPECT_EQ(report.at("warnings").as_array().size(), 2U);
  EXPECT_THAT(console.errors, HasSubstr("WARNING: Regenerating CAPF resets 2 registered phones"));
  EXPECT_THAT(console.errors, HasSubstr("NOTE: One phone is not registered.\n"));
  const auto schema = document("show schema set cert regen").at("properties").as_object();
  for (const auto& member : report) EXPECT_TRUE(schema.contains(member.key())) << member.key();
}

TEST_F(RemarksTest, StandInTheDocumentOfAnErrorToo) {
  session.output = Output::json;
  console.typed = {"no"};
  const auto refused = document("set cert regen CAPF");
  EXPECT_TRUE(refused.contains("error"));
  EXPECT_EQ(refused.at("notes").as_array().size(), 1U);
}

TEST_F(RemarksTest, StandOnBothStreamsWithYes) {
  session.questions = Questions::answer_yes;
  EXPECT_THAT(output_of("set cert regen CAPF"), HasSubstr("NOTE: One phone is not registered.\n"));
  EXPECT_THAT(console.errors, HasSubstr("NOTE: One phone is not registered.\n"));
}

TEST_F(RemarksTest, StandOnceWhereBothStreamsAreOne) {
  console.apart = false;
  session.questions = Questions::answer_yes;
  EXPECT_THAT(output_of("set cert regen CAPF"), HasSubstr("NOTE: One phone is not registered.\n"));
  EXPECT_THAT(console.errors, IsEmpty());
}

TEST_F(RemarksTest, AreThoseOfAnswersToo) {
  CapfReport report;
  report.warnings = {"The CAPF certificate expires."};
  admin->record("capf.report", report);
  output_of("show capf report");
  EXPECT_THAT(console.errors, IsEmpty());  // a person reads it in the text
  session.questions = Questions::answer_yes;
  output_of("show capf report");
  EXPECT_EQ(console.errors, "WARNING: The CAPF certificate expires.\n");
  session.output = Output::json;
  console.errors.clear();
  EXPECT_EQ(document("show capf report").at("warnings").as_array().size(), 1U);
  EXPECT_EQ(console.errors, "WARNING: The CAPF certificate expires.\n");
}

TEST_F(RemarksTest, UnitsAreTakenInAnyCase) {
  session.questions = Questions::answer_yes;
  EXPECT_EQ(run("set cert regen capf"), Status::success);
  EXPECT_THAT(console.output, HasSubstr("Successfully Regenerated Certificate for CAPF.\n"));
}

TEST_F(RemarksTest, CommentsArePassedOver) {
  EXPECT_EQ(run("# is this run?"), Status::success);
  EXPECT_EQ(run("  ! set cert regen CAPF"), Status::success);
  EXPECT_THAT(admin->asked(), IsEmpty());
  EXPECT_EQ(console.output, "");
}

}  // namespace
}  // namespace ringfence::shell::test

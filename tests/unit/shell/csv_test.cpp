// Comma-separated values: RFC 4180, and nothing that a spreadsheet would run.
#include "shell/csv.h"

#include <sstream>

#include <gmock/gmock.h>

#include "core/admin/capf_api.h"
#include "core/base/file.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/shell/shell_fixture.h"

namespace ringfence::shell::test {
namespace {

using namespace core::admin;
using testing::HasSubstr;
using testing::StartsWith;

TEST(CsvLine, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(csv_line({"plain", "", "a,b", "say \"yes\"", "two\nlines", " padded"}),
            "plain,,\"a,b\",\"say \"\"yes\"\"\",\"two\nlines\",\" padded\"\r\n");
}

TEST(CsvLine, TakesTheStingOutOfFormulas) {
  EXPECT_EQ(csv_line({"=1+1", "+1", "-1", "@SUM(A1)", "\tx", "a=b"}),
            "'=1+1,'+1,'-1,'@SUM(A1),'\tx,a=b\r\n");
  EXPECT_EQ(csv_line({"=HYPERLINK(\"http://evil\",\"x\")"}),
            "\"'=HYPERLINK(\"\"http://evil\"\",\"\"x\"\")\"\r\n");
}

class CapfReportTest : public ShellTest {
 protected:
  static CapfReport page(const std::string& name, std::optional<std::string> next) {
    CapfReportPhone phone;
    phone.name = name;
    phone.description = "=cmd|' /C calc'!A0";
    phone.lsc = "installed";
    phone.operation_status = "Upgrade Success";
    CapfReport report;
    report.phones = {phone};
    report.with_lsc = 1;
    report.next = std::move(next);
    return report;
  }

  const ::ringfence::test::TemporaryFolder folder_;
};

TEST_F(CapfReportTest, AsksForPageAfterPageAndAddsThemUp) {
  admin->record("capf.report", page("SEP1", "SEP1"));
  admin->record("capf.report", page("SEP2", "SEP2"));
  admin->record("capf.report", page("SEP3", std::nullopt));
  const std::string text = output_of("show capf report lsc installed issuer capf-7f");
  EXPECT_THAT(text, HasSubstr("SEP1"));
  EXPECT_THAT(text, HasSubstr("SEP3"));
  EXPECT_THAT(text, testing::ContainsRegex("With LSC +: 3\n"));
  EXPECT_EQ(admin->asked().size(), 3U);
  EXPECT_EQ(admin->last_request().at("after").as_string(), "SEP2");
  EXPECT_EQ(admin->last_request().at("lsc").as_string(), "installed");
  EXPECT_EQ(admin->last_request().at("issuer").as_string(), "capf-7f");
  EXPECT_TRUE(admin->last_request().at("model").is_null());
}

TEST_F(CapfReportTest, CountsAndFiltersLscsOfAnotherCapf) {
  CapfReport report = page("SEP1", std::nullopt);
  report.phones.front().lsc_other_capf = true;
  report.other_capf = 1;
  admin->record("capf.report", report);
  const std::string text = output_of("show capf report lsc other-capf");
  EXPECT_THAT(text, HasSubstr("LSC not from current CAPF : 1\n"));
  EXPECT_THAT(text, HasSubstr("SEP1  installed, other CAPF"));
  EXPECT_EQ(admin->last_request().at("lsc").as_string(), "other-capf");
}

TEST_F(CapfReportTest, FitsATerminal) {
  console.terminal = true;
  console.width = 50;
  admin->record("capf.report", page("SEP1", std::nullopt));
  std::istringstream lines(output_of("show capf report"));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 50U) << line;
  EXPECT_THAT(console.output, HasSubstr("Not shown for want of room: Serial,"));
}

TEST_F(CapfReportTest, WritesCsvWithAHeaderLineForScripts) {
  admin->record("capf.report", page("SEP1", std::nullopt));
  const std::string csv = output_of("show capf report format csv");
  EXPECT_THAT(csv, StartsWith("name,model,description,device_pool,lsc,lsc_issuer,"));
  EXPECT_THAT(csv, HasSubstr("\r\nSEP1,,'=cmd|' /C calc'!A0,,installed,"));
  EXPECT_THAT(csv, testing::EndsWith("\r\n"));
}

TEST_F(CapfReportTest, WritesAFileForItsOwnerAlone) {
  admin->record("capf.report", page("SEP1", std::nullopt));
  const auto file = folder_ / "report.csv";
  EXPECT_EQ(output_of("show capf report format csv file " + file.string()),
            "1 phone written to " + file.string() + ".\n");
  EXPECT_THAT(core::text_of(core::read_file(file, 4096)), HasSubstr("\r\nSEP1,"));
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(run("show capf report file /nonexistent/x"), Status::failed);
  EXPECT_THAT(output_of("show capf report file " + file.string()), HasSubstr("exists already"));
  EXPECT_EQ(run("show capf report file " + file.string() + " overwrite"), Status::success);
  EXPECT_THAT(core::text_of(core::read_file(file, 4096)), HasSubstr("Phones"));
  EXPECT_THAT(output_of("show capf report format csv file -"), HasSubstr("\r\nSEP1,"));
}

TEST_F(CapfReportTest, StopsBetweenPagesWhenItIsInterrupted) {
  admin->record("capf.report", page("SEP1", "SEP1"));
  console.interrupt = true;
  EXPECT_EQ(run("show capf report"), Status::failed);
  EXPECT_EQ(admin->asked().size(), 1U);
}

TEST_F(CapfReportTest, PrintsOneDocumentForAllPages) {
  admin->record("capf.report", page("SEP1", "SEP1"));
  admin->record("capf.report", page("SEP2", std::nullopt));
  session.output = Output::json;
  const auto document = boost::json::parse(output_of("show capf report")).as_object();
  EXPECT_EQ(document.at("phones").as_array().size(), 2U);
  EXPECT_EQ(document.at("with_lsc").as_int64(), 2);
  EXPECT_TRUE(document.at("next").is_null());
}

TEST_F(CapfReportTest, PutsTheMostLikelyReasonFirst) {
  CapfStatus status;
  status.summary = "SEP1: Operation Pending. Most likely: the service is stopped.";
  status.checks = {{"Deadline", "ok", "2026:11:28:10", ""},
                   {"CAPF service", "problem", "STOPPED", "start it"},
                   {"Name", "unknown", "nobody can say", ""}};
  admin->record("capf.status", status);
  EXPECT_EQ(output_of("show capf status SEP1"),
            "SEP1: Operation Pending. Most likely: the service is stopped.\n"
            "\nProblems:\n  CAPF service: STOPPED\n    What to do: start it\n"
            "\nNot known:\n  Name: nobody can say\n"
            "\nIn order:\n  Deadline: 2026:11:28:10\n");
}

TEST_F(CapfReportTest, SetsThePolicyAndSaysWhatWarns) {
  CapfPolicyShow policy;
  policy.warnings = {"An LSC cannot outlive the CAPF certificate."};
  admin->record("capf.set_policy", policy);
  EXPECT_EQ(output_of("set capf policy notify_to anna@example.com;ben@example.com"),
            "The CAPF policy notify_to is now anna@example.com;ben@example.com.\n"
            "Warning: An LSC cannot outlive the CAPF certificate.\n");
  EXPECT_EQ(admin->last_request().at("value").as_string(), "anna@example.com;ben@example.com");
  run("utils capf set keep_alive 30");
  EXPECT_EQ(admin->last_request().at("name").as_string(), "keep_alive_minutes");
  EXPECT_EQ(run("utils capf set keep_alive 3"), Status::failed);
  EXPECT_EQ(run("set capf policy colour red"), Status::failed);
}

}  // namespace
}  // namespace ringfence::shell::test

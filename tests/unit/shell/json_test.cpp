#include <gmock/gmock.h>

#include "tests/unit/shell/commands_fixture.h"

namespace ringfence::shell::test {
namespace {

using namespace core::admin;
using testing::HasSubstr;

class JsonTest : public CommandsTest {
 protected:
  JsonTest() { session.output = Output::json; }

  /// document runs one line and parses the one document it must have printed.
  boost::json::object document(const std::string& line, Status expected = Status::success) {
    console.output.clear();
    EXPECT_EQ(run(line), expected) << line;
    return boost::json::parse(console.output).as_object();
  }
};

TEST_F(JsonTest, PrintsTheFactsWithoutTheLayout) {
  admin->record("cert.show", CertificateShow{{}, "PEM", "dump"});
  const auto shown = document("show cert own CAPF");
  EXPECT_EQ(shown.at("pem").as_string(), "PEM");
  EXPECT_FALSE(shown.contains("text"));
}

TEST_F(JsonTest, PrintsErrorsAsObjectsWithTheSameStatus) {
  admin->record("cert.plan", core::Error(core::Code::not_found, "no unit 'x'"));
  EXPECT_EQ(document("xyzzy", Status::not_understood).at("error").at("message").as_string(),
            "No valid command entered");
  const auto error = document("set cert regen x", Status::failed).at("error").as_object();
  EXPECT_EQ(error.at("code").as_string(), "not_found");
  EXPECT_EQ(error.at("message").as_string(), "no unit 'x'");
}

TEST_F(JsonTest, AsksOnTheErrorStream) {
  record_regeneration();
  console.typed = {"no"};
  const auto refused = document("set cert regen CAPF", Status::failed);
  EXPECT_EQ(refused.at("error").at("code").as_string(), "refused");
  EXPECT_THAT(console.errors, HasSubstr("resets 50 registered phones"));
  EXPECT_THAT(console.errors, HasSubstr("Proceed with regeneration (yes|no)? "));
}

TEST_F(JsonTest, PrintsTheFinalReportOfARegeneration) {
  record_regeneration();
  session.questions = Questions::answer_yes;
  const auto report = document("set cert regen CAPF");
  EXPECT_EQ(report.at("state").as_string(), "done");
  EXPECT_EQ(report.at("returned").as_int64(), 50);
}

TEST_F(JsonTest, DescribesItsDocuments) {
  const auto schema = document("show schema show phone list");
  const auto& phone = schema.at("properties").at("phones").at("items").at("properties");
  EXPECT_EQ(phone.at("rsa_bits").at("type").as_string(), "integer");
  EXPECT_EQ(phone.at("lsc_key").at("anyOf").as_array().size(), 2U);
  EXPECT_FALSE(schema_of<TrustListShow>().at("properties").as_object().contains("text"));
}

TEST_F(JsonTest, ListsTheCommands) {
  const auto help = document("help show cert");
  EXPECT_EQ(help.at("commands").as_array().size(), 4U);
}

TEST_F(JsonTest, GivesEveryCommandASchemaThatItsDocumentHas) {
  admin->record("job.wait", job(60, 50, "done", true));
  const auto schema = document("show schema utils job wait").at("properties").as_object();
  const auto report = document("utils job wait 3");
  for (const auto& member : report) EXPECT_TRUE(schema.contains(member.key())) << member.key();
  EXPECT_EQ(report.size(), schema.size());
}

}  // namespace
}  // namespace ringfence::shell::test

// The real program against a real socket: exit statuses, scripts, closed pipes.
#include <gmock/gmock.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "tests/unit/shell/program_fixture.h"

namespace ringfence::shell::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(ProgramTest, EndsWithTheStatusOfTheOneCommand) {
  EXPECT_EQ(run("$RF show version active").status, 0);
  EXPECT_THAT(run("$RF show version active").output, HasSubstr("Active Master Version: 0.1.0\n"));
  EXPECT_EQ(run("$RF 'show version active'").status, 0);
  EXPECT_EQ(run("$RF show phone SEP001122334455").status, 1);
  EXPECT_EQ(run("$RF xyzzy").status, 2);
  EXPECT_EQ(run("$RF show").output, "Incomplete command entered\n");
  EXPECT_EQ(run("$RF -- show version active").status, 0);
}

TEST_F(ProgramTest, ARefusedAccountIsRefusedAndNotCalledSilence) {
  const core::RpcServer refusing(
      folder_ / "refusing.sock",
      [](const core::Caller&, std::string_view, const boost::json::object&) -> boost::json::value {
        throw core::Error(core::Code::refused, "user anna has no account here");
      });
  const Ran ran =
      run("$RF --socket " + (folder_ / "refusing.sock").string() + " --json show version active");
  EXPECT_EQ(ran.status, 1);
  const boost::json::object error = boost::json::parse(ran.output).at("error").as_object();
  EXPECT_EQ(error.at("code"), "refused");
  EXPECT_EQ(error.at("message"), "user anna has no account here");
}

TEST_F(ProgramTest, RunsAScriptWithoutPromptOrPager) {
  const Ran ran =
      run("printf 'show version active\\nshow itl\\nxyzzy\\nshow version active\\n' | $RF");
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.output, HasSubstr("line 200\nNo valid command entered\nActive Master"));
  EXPECT_THAT(ran.output, Not(HasSubstr("admin:")));
}

TEST_F(ProgramTest, PassesOverCommentsOfAScript) {
  const Ran ran = run("printf '# what for?\\n! who\\nshow version active\\n' | $RF");
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.output, testing::StartsWith("Active Master"));
}

TEST_F(ProgramTest, TakesAByteOrderMarkAtTheStartOfAScript) {
  const Ran ran = run("printf '\\xef\\xbb\\xbfshow version active\\n' | $RF");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("Active Master Version: 0.1.0"));
}

TEST_F(ProgramTest, WarnsOnceWhereBothStreamsAreOne) {
  const std::string warning = "WARNING: Regenerating CAPF resets 50 registered phones";
  const Ran apart = run("$RF --yes set cert regen CAPF 2>&1 >/dev/null");
  EXPECT_THAT(apart.output, HasSubstr(warning));
  std::string together = run("$RF --yes set cert regen CAPF 2>&1").output;
  const std::size_t at = together.find(warning);
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(together.find(warning, at + 1), std::string::npos) << together;
}

TEST_F(ProgramTest, StopsAScriptAtQuit) {
  EXPECT_EQ(run("printf 'quit\\nxyzzy\\n' | $RF").output, "");
}

TEST_F(ProgramTest, TakesConfirmationsFromStandardInput) {
  const Ran refused = run("echo no | $RF set cert regen CAPF");
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.output,
              HasSubstr("Proceed with regeneration (yes|no)? no\nRegeneration cancelled.\n"));
  EXPECT_EQ(run("$RF set cert regen CAPF < /dev/null").status, 1);
  const Ran yes = run("echo yes | $RF set cert regen CAPF");
  EXPECT_THAT(yes.output, HasSubstr("no such thing here\nExecuted command unsuccessfully\n"));
}

TEST_F(ProgramTest, PrintsOneDocumentAsJson) {
  const Ran ran = run("$RF --json show version active");
  EXPECT_EQ(boost::json::parse(ran.output).at("version").as_string(), "0.1.0");
  const Ran asked = run("echo no | $RF --json set cert regen CAPF 2>/dev/null");
  EXPECT_EQ(asked.status, 1);
  EXPECT_TRUE(boost::json::parse(asked.output).as_object().contains("error"));
}

TEST_F(ProgramTest, PrintsADocumentAlsoWhereNothingRuns) {
  const auto error = [&](const std::string& command, int status) {
    const Ran ran = run(command + " 2>/dev/null");
    EXPECT_EQ(ran.status, status) << command;
    return std::string(boost::json::parse(ran.output).at("error").at("message").as_string());
  };
  EXPECT_THAT(error("${RF}x --json show itl", 1), HasSubstr("Ringfence is not running"));
  EXPECT_THAT(error(RINGFENCE_BIN_DIR "/ringfence --json show itl", 2), HasSubstr("--socket PATH"));
  EXPECT_THAT(error("$RF --jso --json show itl", 2), HasSubstr("--jso"));
  const std::string sh =
      "RINGFENCE_PROGRAMS=" RINGFENCE_BIN_DIR " " RINGFENCE_SOURCE_DIR "/appliance/sh";
  EXPECT_THAT(error(sh + " --state '/tmp/no \"such\" folder' --json show itl", 1),
              HasSubstr("no Ringfence runs on /tmp/no \"such\" folder"));
  EXPECT_THAT(error(sh + " --state /tmp/none show itl --json", 1), HasSubstr("no Ringfence runs"));
  EXPECT_THAT(error(sh + " --json --nonsense", 2), HasSubstr("--nonsense"));
}

TEST_F(ProgramTest, EndsQuietlyWhenNobodyReadsOn) {
  const Ran ran = run("(for i in {1..400}; do echo show itl; done) | $RF 2>&1 | head -n 1");
  EXPECT_EQ(ran.output, "line 1\n");
}

TEST_F(ProgramTest, RefusesALineThatIsTooLongAndGoesOn) {
  const Ran ran =
      run("(head -c 300000 /dev/zero | tr '\\0' x; echo; echo show version active) | $RF");
  EXPECT_THAT(ran.output, HasSubstr("longer than 65536 bytes"));
  EXPECT_THAT(ran.output, HasSubstr("Active Master Version"));
}

TEST_F(ProgramTest, SaysThatNobodyAnswers) {
  const Ran ran = run("${RF}x show itl");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.output, HasSubstr("Ringfence is not running, or is just being started"));
  EXPECT_THAT(ran.output, Not(HasSubstr(".sock"))) << "nobody needs to know of sockets";
}

TEST_F(ProgramTest, LeavesTheTerminalEchoing) {
  for (const std::string key : {"\\003", "\\034"}) {
    const auto file = folder_ / "echo.exp";
    core::write_atomically(
        file, core::bytes_of("set timeout 20\n"
                             "proc need {pattern} { expect -re $pattern {} timeout { puts "
                             "\"MISSING $pattern\"; exit 9 } eof { puts \"ENDED\"; exit 8 } }\n"
                             "spawn env PS1=sh> sh\n"
                             "need {sh>}\n"
                             "send \"" RINGFENCE_BIN_DIR "/ringfence --socket " +
                             socket_.string() +
                             " utils hsm unlock\\r\"\n"
                             "need {Please enter the PIN of the token: }\n"
                             "send \"" +
                             key +
                             "\"\n"
                             "need {sh>}\n"
                             "send \"stty -a | tr ' ' '@'\\r\"\n"
                             "need {@echo@echoe}\n"));
    const Ran ran = run("expect " + file.string() + " 2>&1");
    EXPECT_EQ(ran.status, 0) << key << ran.output;
  }
}

TEST_F(ProgramTest, TakesAPinFromALineOfStandardInput) {
  const Ran wrong = run("echo 4712 | $RF utils hsm unlock");
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.output, HasSubstr("C_Login: CKR_PIN_INCORRECT (0xa0)\n"
                                      "Executed command unsuccessfully\n"));
  EXPECT_EQ(run("printf 'right 4711' | $RF utils hsm unlock").status, 0);
  const Ran script = run("printf 'utils hsm unlock\\nright 4711\\nshow version active\\n' | $RF");
  EXPECT_EQ(script.status, 0);
  EXPECT_THAT(script.output, HasSubstr("The token took the PIN."));
  EXPECT_THAT(script.output, HasSubstr("Active Master Version"));
  EXPECT_THAT(wrong.output + script.output, Not(HasSubstr("471")));
  EXPECT_EQ(run("$RF utils hsm unlock < /dev/null").status, 1);
}

}  // namespace
}  // namespace ringfence::shell::test

// The real program against a real socket: exit statuses, scripts, closed pipes, a terminal.
#include <sys/wait.h>

#include <cstdio>
#include <future>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/admin/api.h"
#include "core/admin/csr_api.h"
#include "core/admin/json.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/net/rpc.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::shell::test {
namespace {

using namespace core::admin;
using testing::HasSubstr;
using testing::Not;

/// answer is the daemon; it keeps back a second report on a job until `gate` opens.
boost::json::value answer(const std::shared_future<void>& gate, std::string_view method,
                          const boost::json::object& request) {
  if (method == "job.wait") {
    JobReport report;
    report.job = 3;
    report.revision = 5;
    report.state = "running";
    report.published = true;
    report.total = 50;
    report.returned = 20;
    if (request.at("seen").as_int64() == 5) gate.wait();
    return to_json(report);
  }
  if (method == "session.hello")
    return to_json(Hello{"root", 4, "ringfence1", "0.1.0", 2, 4096, {"the token is locked"}});
  if (method == "system.version") return to_json(SystemVersion{"0.1.0", {}});
  if (method == "cert.plan") return to_json(RegeneratePlan{"CAPF", 50, 50, {}});
  if (method == "itl.show") {
    TrustListShow show;
    show.state = "verified";
    for (int i = 1; i <= 200; ++i) show.text += "line " + std::to_string(i) + "\n";
    return to_json(show);
  }
  if (method == "cert.import_plan")
    return to_json(CertificateImportPlan{"CAPF", "CN=a", "1", "", {}, 0, 0, {}, "PEM"});
  if (method == "cert.import_trust") {
    // What was pasted, as the shell sent it, comes back as the certificate's name.
    std::string name;
    for (const char c : request.at("pem").as_string()) name += c == '\n' ? '|' : c;
    return to_json(TrustImported{{{"CAPF-trust", "x.pem", name, "added"}}, {name}, "PEM"});
  }
  if (method == "hsm.unlock") {
    if (request.at("pin").as_string() == "right 4711")
      return to_json(HsmUnlocked{"operational", {}});
    throw core::Error(core::Code::hsm_locked, "C_Login: CKR_PIN_INCORRECT (0xa0)");
  }
  throw core::Error(core::Code::not_found, "no such thing here");
}

struct Ran {
  int status = -1;
  std::string output;
};

class ProgramTest : public testing::Test {
 protected:
  /// run runs a shell command line in which $RF is the program with its socket.
  Ran run(const std::string& command) {
    const std::string all =
        "RF='" RINGFENCE_BIN_DIR "/ringfence --socket " + socket_.string() + "'; " + command;
    FILE* pipe =
        ::popen(("bash -c \"$(cat <<'END_OF_TEST'\n" + all + "\nEND_OF_TEST\n)\"").c_str(), "r");
    Ran ran;
    char chunk[4096];
    std::size_t count = 0;
    while ((count = std::fread(chunk, 1, sizeof chunk, pipe)) > 0) ran.output.append(chunk, count);
    const int status = ::pclose(pipe);
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return ran;
  }

  /// dialogue runs an expect script that has spawned the program on a terminal of 24 rows.
  Ran dialogue(const std::string& script) {
    const auto file = folder_ / "script.exp";
    core::write_atomically(
        file, core::bytes_of("set timeout 20\nset stty_init \"rows 24 columns 80\"\n"
                             "proc need {pattern} { expect -re $pattern {} timeout { puts "
                             "\"MISSING $pattern\"; exit 9 } eof { puts \"ENDED before $pattern\"; "
                             "exit 8 } }\n"
                             "spawn env TERM=xterm " RINGFENCE_BIN_DIR "/ringfence --socket " +
                             socket_.string() + "\n" + script));
    return run("expect " + file.string() + " 2>&1");
  }

  ::ringfence::test::TemporaryFolder folder_;
  std::filesystem::path socket_ = folder_ / "admin.sock";
  std::promise<void> open_gate_;
  std::shared_future<void> gate_{open_gate_.get_future()};
  core::RpcServer server_{socket_, [gate = gate_](const core::Caller&, std::string_view method,
                                                  const boost::json::object& request) {
                            return answer(gate, method, request);
                          }};
};

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

/// What a robot sends, as Tcl: a chain of two with the line ends given.
std::string chain(const std::string& end) {
  const std::string one = "-----BEGIN CERTIFICATE-----" + end + "MIIB" + end + "AAAA" + end +
                          "-----END CERTIFICATE-----" + end;
  return one + one;
}

const std::string kSentChain =
    "NOTE: -----BEGIN CERTIFICATE-----|MIIB|AAAA|-----END CERTIFICATE-----|"
    "-----BEGIN CERTIFICATE-----|MIIB|AAAA|-----END CERTIFICATE-----|";

TEST_F(ProgramTest, TakesAPastedChainWholeAtATerminal) {
  for (const std::string end : {"\\r", "\\n", "\\r\\n"}) {
    const Ran ran = dialogue(
        "need {admin:}\n"
        "send \"set cert import trust CAPF\\r\"\n"
        "need {Paste the Certificate and Hit Enter}\n"
        "send -- \"" +
        chain(end) + end +
        "\"\n"
        "need {admin:}\n"
        "send \"show version active\\r\"\n"
        "need {Active Master Version: 0.1.0}\n"
        "need {admin:}\n"
        "send \"quit\\r\"\n"
        "expect eof {} timeout { puts \"STAYED\"; exit 7 }\n");
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_THAT(ran.output, HasSubstr(kSentChain)) << end;
    EXPECT_THAT(ran.output, Not(HasSubstr("No valid command"))) << end;
  }
}

TEST_F(ProgramTest, AsksItsQuestionAfterAPasteWithAnyLineEnds) {
  for (const std::string end : {"\\r", "\\n", "\\r\\n"}) {
    const Ran ran = dialogue(
        "need {admin:}\n"
        "send \"set cert import own CAPF\\r\"\n"
        "need {Paste the Certificate and Hit Enter}\n"
        "send -- \"" +
        chain(end) + end +
        "\"\n"
        "need {Proceed with the import}\n"
        "send \"yes\\r\"\n"
        "need {no such thing here}\n"  // what the daemon of this test says to the import
        "need {admin:}\n");
    EXPECT_EQ(ran.status, 0) << ran.output;
  }
}

TEST_F(ProgramTest, ALongLineAndCtrlDArePastedAtATerminalToo) {
  const Ran ran = dialogue(
      "need {admin:}\n"
      "send \"set cli pagination off\\r\"\n"
      "need {admin:}\n"
      "send \"set cert import trust CAPF\\r\"\n"
      "need {Paste the Certificate and Hit Enter}\n"
      "send -- \"[string repeat A 9000]\\r\\004\"\n"
      "need {The services related}\n"
      "need {admin:}\n");
  EXPECT_EQ(ran.status, 0) << ran.output.substr(0, 2000);
  EXPECT_THAT(ran.output, HasSubstr("NOTE: " + std::string(9000, 'A') + "|"));
}

TEST_F(ProgramTest, NothingOfAPasteThatWasLeftRunsAsACommand) {
  const Ran ran = dialogue(
      "need {admin:}\n"
      "send \"set cert import trust CAPF\\r\"\n"
      "need {Paste the Certificate and Hit Enter}\n"
      "send -- \"-----BEGIN CERTIFICATE-----\\rMIIB\\r\"\n"
      "need {MIIB}\n"
      "send \"\\003AAAA\\rshow version active\\r-----END CERTIFICATE-----\\r\\r\"\n"
      "need {left with Ctrl-C; nothing was imported}\n"
      "need {admin:}\n"
      "send \"show itl 3\\r\"\n"
      "need {admin:}\n");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, Not(HasSubstr("Active Master Version")));
  EXPECT_THAT(ran.output, Not(HasSubstr("NOTE:")));
}

TEST_F(ProgramTest, TakesAPasteFromAPipeWithAndWithoutAnEmptyLineOrAnEnd) {
  const std::string begin = "printf 'set cert import trust CAPF\\n" + chain("\\r\\n");
  EXPECT_THAT(run(begin + "' | $RF").output, HasSubstr(kSentChain));
  for (const std::string between : {"", "\\n", "\\r\\n"}) {
    const Ran ran = run(begin + between + "show version active\\n' | $RF");
    EXPECT_THAT(ran.output, HasSubstr(kSentChain));
    EXPECT_THAT(ran.output, HasSubstr("Active Master Version"));
    EXPECT_EQ(ran.status, 0) << ran.output;
  }
}

TEST_F(ProgramTest, SaysThatNobodyAnswers) {
  const Ran ran = run("${RF}x show itl");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.output, HasSubstr("Ringfence is not running, or is just being started"));
  EXPECT_THAT(ran.output, Not(HasSubstr(".sock"))) << "nobody needs to know of sockets";
}

TEST_F(ProgramTest, CompletesAndExplainsAtOnceInATerminal) {
  const Ran ran = dialogue(
      "need {Welcome to the Platform Command Line Interface}\n"
      "need {Account root, privilege level 4\\r\\n\\tWARNING: the token is locked}\n"
      "need {admin:}\n"
      "send \"sho\\t\"\n"
      "need {sho.*w }\n"
      "send \"vers\\tact\\t\\r\"\n"
      "need {Active Master Version: 0.1.0}\n"
      "need {admin:}\n"
      "send \"show cert?\"\n"
      "need {show cert\\?\\r\\n.*show cert list\\*}\n"
      "need {admin:show cert}\n"
      "send \"\\003\"\n"
      "need {admin:}\n"
      "send \"xyzzy\\r\"\n"
      "need {No valid command entered}\n"
      "need {admin:}\n"
      "send \"\\004\"\n"
      "expect eof {} timeout { puts \"STAYED\"; exit 7 }\n");
  EXPECT_EQ(ran.status, 0) << ran.output;
}

TEST_F(ProgramTest, LeavesAWatchAtCtrlCAndKeepsTheSession) {
  const Ran ran = dialogue(
      "need {admin:}\n"
      "send \"utils job wait 3\\r\"\n"
      "need {\\[############------------------\\] Job 3: 20 of 50 phones returned.}\n"
      "send \"\\003\"\n"
      "need {The job goes on. Watch it again with: utils job wait 3}\n"
      "need {admin:}\n"
      "send \"show version active\\r\"\n"
      "need {Active Master Version: 0.1.0}\n"
      "need {admin:}\n"
      "send \"\\004\"\n"
      "expect eof {} timeout { puts \"STAYED\"; exit 7 }\n");
  open_gate_.set_value();
  EXPECT_EQ(ran.status, 0) << ran.output;
}

/// At a hidden prompt the terminal echoes nothing; however it is left, it echoes again.
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

TEST_F(ProgramTest, EchoesAgainInASessionWhoseHiddenPromptWasLeft) {
  const Ran ran = dialogue(
      "need {admin:}\n"
      "send \"set phone capf SEP1 operation install auth_string ask\\r\"\n"
      "need {Please enter the authentication string: }\n"
      "send \"\\003\"\n"
      "need {no authentication string was entered}\n"
      "need {admin:}\n"
      "send \"show version active\\r\"\n"
      "need {show version active.*Active Master Version}\n"
      "need {admin:}\n"
      "send \"# a comment? yes\\r\"\n"
      "need {admin:}\n"
      "send \"\\004\"\n"
      "expect eof {} timeout { puts \"STAYED\"; exit 7 }\n");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, Not(HasSubstr("No valid command")));
}

TEST_F(ProgramTest, KeepsNoAuthenticationStringInItsHistory) {
  const Ran ran = dialogue(
      "need {admin:}\n"
      "send \"show version active\\r\"\n"
      "need {Options Found.\\r\\n.*admin:}\n"
      "send \"set phone capf SEP1 operation install auth_string 4711\\r\"\n"
      "need {Executed command unsuccessfully}\n"
      "need {admin:}\n"
      "send \"\\020\\r\"\n"
      "need {Active Master Version: 0.1.0}\n"
      "need {admin:}\n"
      "send \"set phone capf SEP1 operation install auth_string ask\\r\"\n"
      "need {Please enter the authentication string: }\n"
      "send \"8899\\r\"\n"
      "need {Executed command unsuccessfully}\n"
      "need {admin:}\n"
      "send \"\\004\"\n"
      "expect eof {} timeout { puts \"STAYED\"; exit 7 }\n");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, Not(HasSubstr("8899")));
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

TEST_F(ProgramTest, ShowsNoPinThatIsTypedAndForgetsIt) {
  const Ran ran = dialogue(
      "need {admin:}\n"
      "send \"utils hsm unlock\\r\"\n"
      "need {Please enter the PIN of the token: }\n"
      "send \"right 4711\\r\"\n"
      "need {The token took the PIN}\n"
      "need {admin:}\n"
      "send \"\\020\\r\"\n"
      "need {Please enter the PIN of the token: }\n"
      "send \"\\003\"\n"
      "need {no PIN was entered}\n"
      "need {admin:}\n"
      "send \"\\004\"\n"
      "expect eof {} timeout { puts \"STAYED\"; exit 7 }\n");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, Not(HasSubstr("4711")));
}

TEST_F(ProgramTest, StopsAtEachPageInATerminalAndObeysQ) {
  const Ran ran = dialogue(
      "need {admin:}\n"
      "send \"show itl\\r\"\n"
      "need {line 23\\r\\n.*Press <enter> for 1 line, <space> for one page, or <q> to quit}\n"
      "send \"\\r\"\n"
      "need {line 24\\r\\n.*Press <enter>}\n"
      "send \" \"\n"
      "need {line 47\\r\\n.*Press <enter>}\n"
      "send \"q\"\n"
      "need {admin:}\n"
      "send \"set cli pagination off\\r\"\n"
      "need {turned off}\n"
      "send \"show itl\\r\"\n"
      "need {line 200\\r\\n.*admin:}\n"
      "send \"exit\\r\"\n"
      "expect eof {} timeout { puts \"STAYED\"; exit 7 }\n");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output.substr(0, ran.output.find("pagination off")), Not(HasSubstr("line 48")));
}

}  // namespace
}  // namespace ringfence::shell::test

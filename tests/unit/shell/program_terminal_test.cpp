// The real program at a terminal: pastes, hidden prompts, pages.
#include <gmock/gmock.h>

#include "tests/unit/shell/program_fixture.h"

namespace ringfence::shell::test {
namespace {

using testing::HasSubstr;
using testing::Not;

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

}  // namespace
}  // namespace ringfence::shell::test

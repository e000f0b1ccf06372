#include "shell/complete.h"

#include <algorithm>
#include <random>

#include "core/admin/api.h"
#include "core/admin/phone_api.h"
#include "shell/help.h"
#include "shell/prose.h"
#include "shell/words.h"
#include "tests/support/golden.h"
#include "tests/unit/shell/shell_fixture.h"

namespace ringfence::shell::test {
namespace {

class CompleteTest : public ShellTest {
 protected:
  /// typed returns the line after Tab.
  std::string typed(std::string line) {
    const Completion completion = complete(grammar, *admin, line);
    line.resize(line.size() - completion.erase);
    return line + completion.insert;
  }

  std::string listed(const std::string& line) { return complete(grammar, *admin, line).listing; }
};

TEST_F(CompleteTest, FinishesAWord) {
  EXPECT_EQ(typed("sho"), "show ");
  EXPECT_EQ(typed("show it"), "show itl ");
  EXPECT_EQ(typed("utils serv"), "utils service ");
  EXPECT_EQ(typed("  se"), "  set ");
}

TEST_F(CompleteTest, GoesAsFarAsAllAgreeAndThenLists) {
  EXPECT_EQ(typed("utils service r"), "utils service restart ");
  EXPECT_EQ(typed("utils phone r"), "utils phone re");
  EXPECT_EQ(listed("utils phone re"),
            "   utils phone remove\n   utils phone reset\n   utils phone restart\n");
}

TEST_F(CompleteTest, ListsWhatFollowsAMenuWordAndMarksMenus) {
  EXPECT_EQ(listed("show cert"), "   show cert list*\n   show cert own\n   show cert trust\n");
  EXPECT_EQ(listed("show cert "), listed("show cert"));
  EXPECT_EQ(listed("utils itl "), "   utils itl reset*\n");
}

TEST_F(CompleteTest, DoesNothingWhereNothingFits) {
  EXPECT_EQ(typed("xyzzy"), "xyzzy");
  EXPECT_EQ(typed("show itl"), "show itl");
  EXPECT_EQ(typed("show itl "), "show itl ");
  EXPECT_EQ(typed("utils phone add X description \"sho"), "utils phone add X description \"sho");
}

TEST_F(CompleteTest, OffersChoicesAndOptionNames) {
  EXPECT_EQ(typed("show cert list o"), "show cert list own ");
  EXPECT_EQ(typed("set phone capf SEP1 op"), "set phone capf SEP1 operation ");
  EXPECT_EQ(typed("set phone capf SEP1 operation ins"), "set phone capf SEP1 operation install ");
  EXPECT_EQ(typed("set phone capf SEP1 auth_string "), "set phone capf SEP1 auth_string ");
}

TEST_F(CompleteTest, OffersUnitsInAnyCaseAlsoWhenTheDaemonIsAway) {
  EXPECT_EQ(typed("set cert regen capf"), "set cert regen CAPF ");
  EXPECT_EQ(typed("set cert regen itl"), "set cert regen ITLRecovery ");
  EXPECT_EQ(typed("set csr gen c"), "set csr gen CAPF ");
  EXPECT_EQ(typed("set cert import trust phone-s"), "set cert import trust Phone-SAST ");
  EXPECT_EQ(complete(grammar, *admin, "set cert regen c").insert, "CA");
  EXPECT_TRUE(admin->asked().empty());
}

TEST_F(CompleteTest, OffersTheNamesOfPhones) {
  admin->record("phone.names", core::admin::PhoneNames{{"SEP001122334455"}, 1});
  EXPECT_EQ(typed("show phone sep0011"), "show phone SEP001122334455 ");
  EXPECT_EQ(admin->last_request().at("prefix").as_string(), "sep0011");
  EXPECT_EQ(typed("set phone capf S"), "set phone capf SEP001122334455 ");
  EXPECT_EQ(typed("utils phone reset al"), "utils phone reset all ");
  EXPECT_EQ(typed("utils phone add S"), "utils phone add S");
}

TEST_F(CompleteTest, SaysHowManyPhonesItDoesNotList) {
  admin->record("phone.names", core::admin::PhoneNames{{"SEP001", "SEP002", "SEP009"}, 70});
  EXPECT_EQ(typed("show phone se"), "show phone SEP00");
  EXPECT_EQ(complete(grammar, *admin, "show phone SEP00").listing,
            "   SEP001\n   SEP002\n   ... 67 more, and\n   SEP009\n");
}

TEST_F(CompleteTest, OffersTheCertificatesTheDaemonHas) {
  core::admin::CertificateList list;
  list.certificates.resize(2);
  list.certificates[0] = {"CAPF", "CAPF.pem", {}, {}, {}, {}, {}, {}, {}, {}};
  list.certificates[1] = {"TVS", "TVS.pem", {}, {}, {}, {}, {}, {}, {}, {}};
  admin->record("cert.list", list);
  EXPECT_EQ(typed("show cert own TVS"), "show cert own TVS/TVS.pem ");
}

TEST_F(CompleteTest, OffersServiceNamesWithSpaces) {
  admin->record("service.list", core::admin::ServiceList{{{"Cisco Tftp", "STARTED", ""},
                                                          {"Cisco CallManager", "STARTED", ""}}});
  EXPECT_EQ(typed("utils service restart cisco t"), "utils service restart Cisco Tftp ");
}

TEST_F(CompleteTest, OffersNothingWhenTheDaemonIsAway) {
  admin->record("cert.list", core::Error(core::Code::io, "nobody answers"));
  EXPECT_EQ(typed("show cert own C"), "show cert own C");
}

TEST_F(CompleteTest, CompletesTheCommandsThatHelpExplains) {
  EXPECT_EQ(typed("help sho"), "help show ");
  EXPECT_EQ(typed("help show it"), "help show itl ");
}

TEST_F(CompleteTest, AnswersQuestionMarks) {
  EXPECT_EQ(question(grammar, "show cert "), question(grammar, "show cert"));
  EXPECT_EQ(question(grammar, "utils ser"), "   utils service*\n");
  EXPECT_EQ(question(grammar, "xyzzy"), "");
  EXPECT_EQ(question(grammar, "show itl nonsense"), "");
  std::string text;
  for (const std::string line :
       {"?", "show ?", "show cert?", "show itl?", "show phone ?", "set cert regen ?",
        "set phone capf?", "utils service restart Cisco ?", "help ?", "xyzzy ?"}) {
    text += transcript({line});
  }
  ::ringfence::test::expect_golden("shell/question_marks.txt", text);
}

TEST_F(CompleteTest, BreaksTheAnswerToAQuestionMarkBetweenWords) {
  const std::string text = wrapped(question(grammar, "set cert regen", 50), 50);
  std::string words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    EXPECT_LE(end - at, 50U) << text.substr(at, end - at);
    words += text.substr(at, end - at) + " ";
    at = end + 1;
  }
  std::string all = question(grammar, "set cert regen");
  std::ranges::replace(all, '\n', ' ');
  EXPECT_EQ(split(words), split(all));
}

TEST_F(CompleteTest, ExplainsEveryCommandThatIsNamed) {
  std::string text;
  for (const std::string line :
       {"help", "help show cert", "help show cert list", "help set cert regen", "help show phone",
        "help set phone capf", "help utils job wait", "help xyzzy"}) {
    text += transcript({line});
  }
  ::ringfence::test::expect_golden("shell/help.txt", text);
}

TEST_F(CompleteTest, SurvivesEveryLine) {
  std::mt19937 random(11);
  const std::vector<std::string> pieces = {
      "show", "cert", "list",   "utils", "phone",     "set",     "capf",    "add",
      "help", " ",    " ",      "\"",    "\t",        "service", "restart", "job",
      "\xff", "?",    "schema", "regen", "operation", "own",     "x",       "-"};
  for (int round = 0; round < 5000; ++round) {
    std::string line;
    for (auto left = random() % 12; left > 0; --left) line += pieces[random() % pieces.size()];
    try {
      const Completion completion = complete(grammar, *admin, line);
      ASSERT_LE(completion.erase, line.size()) << line;
      question(grammar, line);
    } catch (const core::Error&) {
      EXPECT_TRUE(in_quotes(line)) << line;
    }
    run(line);
  }
}

TEST_F(CompleteTest, KeepsTheTableOfTheReadme) {
  ::ringfence::test::expect_section("shell/README.md",
                                    "<!-- commands: ringfence --print-command-table -->",
                                    "<!-- end of commands -->", command_table(grammar));
}

}  // namespace
}  // namespace ringfence::shell::test

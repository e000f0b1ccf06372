#include "shell/printable.h"

#include <random>

#include <gtest/gtest.h>

#include "shell/pager.h"
#include "shell/table.h"

namespace ringfence::shell {
namespace {

TEST(Printable, EscapesWhatCouldDriveATerminal) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(printable("a\rb\x07\x7f"), "a\\x0db\\x07\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b"),
            "a\\xe2\\x80\\xaeb");
}

TEST(Printable, KeepsTextInEveryLanguage) {
  EXPECT_EQ(printable("Zürich 東京 🙂\n\t."), "Zürich 東京 🙂\n\t.");
}

TEST(Printable, EscapesBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("a\xff\xc3"), "a\\xff\\xc3");
  EXPECT_EQ(printable("\xc0\x8a"), "\\xc0\\x8a");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");
}

TEST(Printable, LetsNoFieldForgeALine) {
  EXPECT_EQ(one_line("a\nb\tc"), "a\\x0ab\\x09c");
}

TEST(Printable, KeepsAJsonDocumentTheSame) {
  EXPECT_EQ(printable_json("{\"a\":\"\xc2\x9b\x7f ü\"}"), "{\"a\":\"\\u009b\\u007f ü\"}");
}

TEST(Printable, LeavesNoControlByteOfRandomInput) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 40, ' ');
    for (char& c : text) c = static_cast<char>(random());
    for (const char c : printable(text)) {
      EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t');
    }
  }
}

TEST(Table, AlignsColumnsByCharacters) {
  Table table({"Name", "City"});
  table.add({"a", "Zürich"});
  table.add({"", "x\ny"});
  EXPECT_EQ(table.text(), "Name  City\n----  ------\na     Zürich\n-     x\\x0ay\n");
}

TEST(Table, LeavesOutColumnsForWantOfRoomAndSaysWhich) {
  Table table({"Name", "Model", "Address", "Status"}, {"Address", "Model"});
  table.add({"SEP001122334455", "CP-8861", "192.0.2.7:5060", "Upgrade Success"});
  EXPECT_EQ(table.text(), table.text(60));
  EXPECT_EQ(table.text(50),
            "Name             Model    Status\n"
            "---------------  -------  ---------------\n"
            "SEP001122334455  CP-8861  Upgrade Success\n"
            "Not shown for want of room: Address.\n");
  EXPECT_EQ(table.text(35),
            "Name             Status\n"
            "---------------  ---------------\n"
            "SEP001122334455  Upgrade Success\n"
            "Not shown for want of room:\n"
            "Address, Model.\n");
}

TEST(Table, BreaksLongFieldsBetweenWords) {
  Table table({"Phone", "Why"});
  table.add({"SEP1", "its profile says lsc and it has none"});
  table.add({"SEP2", "x"});
  EXPECT_EQ(table.text(24),
            "Phone  Why\n"
            "-----  -----------------\n"
            "SEP1   its profile says\n"
            "       lsc and it has\n"
            "       none\n"
            "SEP2   x\n");
}

TEST(Table, KeepsTheNameOfARowWhole) {
  Table table({"Name", "Status"});
  table.add({"SEP001122334455", "Upgrade Success"});
  EXPECT_EQ(table.text(26),
            "Name             Status\n"
            "---------------  ---------\n"
            "SEP001122334455  Upgrade\n"
            "                 Success\n");
}

TEST(Table, BreaksNoWordsWhereRowsCanBeLinesInstead) {
  Table table({"Job", "Operation", "State"}, {"State"});
  table.add({"12", "troubleshoot all phones", "running"});
  table.add({"13", "install", "done"});
  EXPECT_EQ(table.text(17),
            "Job  Operation\n"
            "---  ------------\n"
            "12   troubleshoot\n"
            "     all phones\n"
            "13   install\n"
            "Not shown for\n"
            "want of room:\n"
            "State.\n");
  EXPECT_EQ(table.text(16),
            "Job       : 12\n"
            "Operation : troubleshoot all phones\n"
            "State     : running\n"
            "\n"
            "Job       : 13\n"
            "Operation : install\n"
            "State     : done\n");
  EXPECT_TRUE(table.fits(37));
  EXPECT_FALSE(table.fits(36));
}

TEST(Table, BreaksWordsThatAreLongerThanALine) {
  EXPECT_EQ(broken("abcdef", 4), (std::vector<std::string>{"abcd", "ef"}));
  EXPECT_EQ(broken("ab cdefgh", 4), (std::vector<std::string>{"ab", "cdef", "gh"}));
  EXPECT_EQ(broken("Zürich", 3), (std::vector<std::string>{"Zür", "ich"}));
  EXPECT_EQ(broken("", 4), std::vector<std::string>{""});
}

TEST(Labelled, KeepsLongValuesUnderEachOther) {
  EXPECT_EQ(labelled({{"A", "one two three four five six"}, {"Long label", "x"}}, 36),
            "A          : one two three four five\n"
            "             six\n"
            "Long label : x\n");
}

class PagerTest : public testing::Test {
 protected:
  /// shown prints `lines` numbered lines on a screen of 4 rows with these keys.
  std::string shown(int lines, std::string keys, std::size_t columns = 80) {
    std::string screen;
    Pager pager([&](std::string_view text) { screen += text; },
                [&]() -> char {
                  ++asked;
                  if (keys.empty()) return 'q';
                  const char key = keys.front();
                  keys.erase(0, 1);
                  return key;
                });
    pager.begin({4, columns});
    for (int i = 1; i <= lines; ++i) pager.print(std::to_string(i) + "\n");
    return screen;
  }

  const std::string kPrompt =
      "\x1b[1mPress <enter> for 1 line, <space> for one page, or <q> to quit\x1b[0m\x1b[K\r\x1b[K";
  int asked = 0;
};

TEST_F(PagerTest, ShowsAPageWithoutAsking) {
  EXPECT_EQ(shown(3, ""), "1\n2\n3\n");
  EXPECT_EQ(asked, 0);
}

TEST_F(PagerTest, DropsTheRestAtQ) {
  EXPECT_EQ(shown(9, "q"), "1\n2\n3\n" + kPrompt);
  EXPECT_EQ(asked, 1);
}

TEST_F(PagerTest, GoesAPageAtSpaceAndALineAtEnter) {
  EXPECT_EQ(shown(8, " \r"), "1\n2\n3\n" + kPrompt + "4\n5\n6\n" + kPrompt + "7\n" + kPrompt);
}

TEST_F(PagerTest, AsksInOneLineOfANarrowScreen) {
  EXPECT_EQ(shown(9, "q", 50),
            "1\n2\n3\n\x1b[1m<enter> line, <space> page, <q> quit\x1b[0m\x1b[K\r\x1b[K");
  EXPECT_EQ(shown(9, "q", 20), "1\n2\n3\n\x1b[1m--More--\x1b[0m\x1b[K\r\x1b[K");
  EXPECT_EQ(shown(9, "q", 63), "1\n2\n3\n" + kPrompt);
}

TEST_F(PagerTest, CountsTheRowsOfLongLines) {
  std::string screen;
  Pager pager([&](std::string_view text) { screen += text; }, [&] { return ++asked, 'q'; });
  pager.begin({4, 20});
  pager.print(std::string(45, 'x') + "\n");
  EXPECT_EQ(asked, 0);
  pager.print("y\n");
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(screen.find('y'), std::string::npos);
}

}  // namespace
}  // namespace ringfence::shell

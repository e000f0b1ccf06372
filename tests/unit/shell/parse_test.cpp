#include "shell/parse.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "shell/commands.h"
#include "shell/words.h"

namespace ringfence::shell {
namespace {

const Grammar& everything() {
  static const Grammar grammar(all_commands(), 4);
  return grammar;
}

Parsed parsed(const std::string& line) {
  return parse(everything(), split(line));
}

TEST(Words, KeepsQuotedSpacesTogether) {
  EXPECT_EQ(split("a  \"b c\"\td"), (std::vector<std::string>{"a", "b c", "d"}));
  EXPECT_EQ(split("a \"\""), (std::vector<std::string>{"a", ""}));
  EXPECT_TRUE(split(" \t ").empty());
}

TEST(Words, RefusesAnOpenQuote) {
  EXPECT_THROW(split("a \"b"), core::Error);
}

TEST(Words, ReadsWholeNumbersOnly) {
  EXPECT_EQ(integer_from("42"), 42);
  EXPECT_EQ(integer_from("42x"), std::nullopt);
  EXPECT_EQ(integer_from(""), std::nullopt);
  EXPECT_EQ(integer_from("99999999999999999999"), std::nullopt);
}

TEST(Parse, FindsACommandByAllItsWords) {
  const Parsed found = parsed("show cert list own");
  ASSERT_EQ(found.verdict, Verdict::command);
  EXPECT_EQ(found.command->words, "show cert list");
  EXPECT_EQ(found.arguments.at("type"), "own");
}

TEST(Parse, TakesTheLongerFormOfTheSameCommand) {
  const Parsed found = parsed("show cert list type TRUST");
  ASSERT_EQ(found.verdict, Verdict::command);
  EXPECT_EQ(found.command->words, "show cert list type");
  EXPECT_EQ(found.arguments.at("type"), "trust");
}

TEST(Parse, NeverRunsAnAbbreviation) {
  EXPECT_EQ(parsed("sh itl").verdict, Verdict::unknown);
  EXPECT_EQ(parsed("show it").verdict, Verdict::unknown);
  EXPECT_EQ(parsed("quit now").verdict, Verdict::unknown);
}

TEST(Parse, CallsAPrefixIncomplete) {
  EXPECT_EQ(parsed("show").verdict, Verdict::incomplete);
  EXPECT_EQ(parsed("utils itl reset").verdict, Verdict::incomplete);
  EXPECT_EQ(parsed("show cert own").verdict, Verdict::incomplete);
  EXPECT_EQ(parsed("set phone capf SEP001122334455").verdict, Verdict::incomplete);
  EXPECT_EQ(parsed("set phone capf SEP001122334455 operation").verdict, Verdict::incomplete);
}

TEST(Parse, TakesNamesWithSpacesWithoutQuotes) {
  EXPECT_EQ(parsed("utils service restart Cisco  Tftp").arguments.at("name"), "Cisco Tftp");
  EXPECT_EQ(parsed("utils service restart \"Cisco Tftp\"").arguments.at("name"), "Cisco Tftp");
}

TEST(Parse, TakesNamedParametersInAnyOrder) {
  const Parsed found = parsed(
      "set phone capf SEP001122334455 rsa_bits 2048 operation Install auth_mode null-string");
  ASSERT_EQ(found.verdict, Verdict::command);
  EXPECT_EQ(found.arguments.at("operation"), "install");
  EXPECT_EQ(found.arguments.integer("rsa_bits"), 2048);
  EXPECT_FALSE(found.arguments.has("auth_string"));
}

struct BadValue {
  const char* name;
  const char* line;
  const char* text;
};

class ParseBadValue : public testing::TestWithParam<BadValue> {};

TEST_P(ParseBadValue, SaysWhatWouldBeRight) {
  try {
    parsed(GetParam().line);
    FAIL() << "parsed " << GetParam().line;
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::Code::malformed);
    EXPECT_STREQ(error.what(), GetParam().text);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Values, ParseBadValue,
    testing::Values(
        BadValue{"Choice", "show cert list mine",
                 "Enter valid values for the type.\nSuggested values are own and trust"},
        BadValue{"Number", "show job zero",
                 "Enter valid values for the id.\nIt is a number of at least 1"},
        BadValue{"Size", "set phone capf SEP001122334455 operation install rsa_bits 2047",
                 "Enter valid values for the rsa_bits.\nSuggested values are 512, 1024, 2048, "
                 "3072 and 4096"},
        BadValue{"Option", "utils phone add SEP001122334455 colour red",
                 "Enter valid options.\nSuggested options are model, description, device_pool, "
                 "security_profile, "
                 "operation, auth_mode, auth_string, key_order, rsa_bits, ec_bits and "
                 "completes_by"},
        BadValue{"Twice", "utils phone add SEP001122334455 model a model b",
                 "Enter model only once."}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Grammar, HidesWhatAnAccountMayNotDo) {
  const Grammar ordinary(all_commands(), 0);
  EXPECT_EQ(parse(ordinary, {"show", "itl"}).verdict, Verdict::command);
  EXPECT_EQ(parse(ordinary, {"set", "cert", "regen", "CAPF"}).verdict, Verdict::unknown);
  const Grammar advanced(all_commands(), 1);
  EXPECT_EQ(parse(advanced, {"set", "cert", "regen", "CAPF"}).verdict, Verdict::command);
  EXPECT_EQ(parse(advanced, {"utils", "itl", "reset", "localkey"}).verdict, Verdict::unknown);
}

TEST(Grammar, KnowsLinesThatCouldHoldASecret) {
  EXPECT_TRUE(everything().names_secret(split("set phone capf X auth_string 1234")));
  EXPECT_TRUE(everything().names_secret(split("set phne capf X auth_string 1234")));
  EXPECT_FALSE(everything().names_secret(split("show phone X")));
}

TEST(Grammar, GivesEveryCommandASummaryThatHelpCanUse) {
  for (const Command& command : everything().commands()) {
    EXPECT_FALSE(command.summary.empty()) << command.words;
    EXPECT_TRUE(command.run) << command.words;
    for (const Parameter& parameter : command.parameters) {
      EXPECT_FALSE(parameter.help.empty()) << command.words << " " << parameter.name;
    }
  }
}

}  // namespace
}  // namespace ringfence::shell

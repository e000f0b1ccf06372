// Where a paste ends.
#include "shell/paste.h"

#include <deque>

#include <gtest/gtest.h>

#include "shell/certificate_input.h"
#include "tests/unit/shell/recorded_admin.h"

namespace ringfence::shell::test {
namespace {

const std::string kBegin = "-----BEGIN CERTIFICATE-----";
const std::string kEnd = "-----END CERTIFICATE-----";

class PasteTest : public testing::Test {
 protected:
  Paste read(std::deque<std::string> lines, Manner manner, std::size_t max_bytes = 1000) {
    left_ = std::move(lines);
    TypedLines source(left_);
    return read_paste(source, manner, max_bytes);
  }

  std::deque<std::string> left_;
};

TEST_F(PasteTest, OnATerminalOnlyAnEmptyLineEndsIt) {
  const Paste paste = read({kBegin, "AA", kEnd, "yes", "", "rest"}, Manner::terminal);
  EXPECT_EQ(paste.text, kBegin + "\nAA\n" + kEnd + "\nyes\n");
  EXPECT_EQ(left_, std::deque<std::string>{"rest"});
}

TEST_F(PasteTest, InAScriptTheLineBehindTheLastBlockIsTheNextCommand) {
  EXPECT_EQ(read({kBegin, "AA", kEnd, kBegin, "BB", kEnd, "yes"}, Manner::script).text,
            kBegin + "\nAA\n" + kEnd + "\n" + kBegin + "\nBB\n" + kEnd + "\n");
  EXPECT_EQ(left_, std::deque<std::string>{"yes"});
}

TEST_F(PasteTest, EmptyLinesInsideABlockAndBeforeTheNextDoNotEndIt) {
  for (const Manner manner : {Manner::terminal, Manner::script}) {
    const Paste paste = read(
        {"", kBegin, "", "AA", "\r", kEnd, "", "", "issuer=x", kBegin, "BB", kEnd, " ", "show itl"},
        manner);
    EXPECT_EQ(paste.text,
              kBegin + "\nAA\n" + kEnd + "\nissuer=x\n" + kBegin + "\nBB\n" + kEnd + "\n");
    EXPECT_EQ(left_, std::deque<std::string>{"show itl"});
  }
}

TEST_F(PasteTest, AnEmptyLineAtOnceIsAnEmptyPaste) {
  EXPECT_EQ(read({"", "show itl"}, Manner::terminal).text, "");
  EXPECT_EQ(left_, std::deque<std::string>{"show itl"});
  EXPECT_EQ(read({}, Manner::terminal).text, "");
}

TEST_F(PasteTest, WhatIsTooLongIsTakenOffAllTheSame) {
  const Paste paste =
      read({kBegin, std::string(600, 'A'), std::string(600, 'B'), "CC", kEnd, "", "show itl"},
           Manner::terminal);
  EXPECT_EQ(paste.end, Paste::End::too_long);
  EXPECT_EQ(paste.text, "");
  EXPECT_EQ(left_, std::deque<std::string>{"show itl"});
}

TEST(WithoutPrivateKeys, EmptiesEachOfThemAndNothingElse) {
  std::string text = "a -----BEGIN RSA PRIVATE KEY-----\nsecret\n-----END RSA PRIVATE KEY-----\n" +
                     kBegin + "\nAA\n" + kEnd + "\n-----BEGIN ENCRYPTED PRIVATE KEY-----secret";
  without_private_keys(text);
  EXPECT_EQ(text.find("secret"), std::string::npos);
  EXPECT_NE(text.find(kBegin + "\nAA\n" + kEnd), std::string::npos);
  EXPECT_NE(text.find("-----END RSA PRIVATE KEY-----"), std::string::npos);
}

}  // namespace
}  // namespace ringfence::shell::test

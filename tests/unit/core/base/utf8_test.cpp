#include "core/base/utf8.h"

#include <gtest/gtest.h>

namespace ringfence::core {
namespace {

TEST(Utf8, IsTold) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
  for (const char* wrong : {"\xff", "\xc3", "a\xc3(", "\xe2\x82", "\xc0\x80", "\xed\xa0\x80",
                            "\xf4\x90\x80\x80", "\x80"})
    EXPECT_FALSE(is_utf8(wrong)) << wrong;
}

TEST(OneLine, HasNothingThatForgesAnotherOrTurnsIt) {
  EXPECT_EQ(in_one_line("a\nb\tc\x7f\x1b[2J"), "a?b?c??[2J");
  EXPECT_EQ(in_one_line("a\xc2\x85"
                        "b\xe2\x80\xae"
                        "c\xe2\x80\xa8"
                        "d\xff"),
            "a?b?c?d?");
  EXPECT_EQ(in_one_line("m\xc3\xbcller"), "m\xc3\xbcller");
}

TEST(OneLine, IsCutBetweenCharacters) {
  EXPECT_EQ(in_one_line("abc", 3), "abc");
  EXPECT_EQ(in_one_line("abcd", 3), "abc...");
  EXPECT_EQ(in_one_line("ab\xc3\xbc", 3), "ab...");
}

}  // namespace
}  // namespace ringfence::core

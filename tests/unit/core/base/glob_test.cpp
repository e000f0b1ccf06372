#include "core/base/glob.h"

#include <string>

#include <gtest/gtest.h>

namespace ringfence::core {
namespace {

TEST(Glob, TakesManyStarsInLittleTime) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_FALSE(glob_matches("?", ""));
  EXPECT_TRUE(glob_matches("", ""));
  EXPECT_TRUE(glob_matches("cp-88?1*", "CP-8861"));
  EXPECT_FALSE(glob_matches("CP-88", "CP-8861")) << "the whole text";
  EXPECT_TRUE(glob_matches("a*b*c", "aXXbYYc"));
  EXPECT_FALSE(glob_matches("a*b*c", "aXXbYYd"));
  EXPECT_FALSE(glob_matches("*a*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}

}  // namespace
}  // namespace ringfence::core

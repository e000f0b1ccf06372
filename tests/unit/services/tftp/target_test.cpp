// Names out of HTTP targets, and which names are names.
#include "services/tftp/target.h"

#include <gtest/gtest.h>

#include "services/tftp/files.h"

namespace ringfence::services::tftp {
namespace {

TEST(HttpTarget, NamesAFile) {
  EXPECT_EQ(file_in_target("/ITLFile.tlv"), "ITLFile.tlv");
  EXPECT_EQ(file_in_target("/ITL%46ile.tlv?x=1"), "ITLFile.tlv");
  EXPECT_EQ(file_in_target("/"), "");
}

TEST(HttpTarget, MustBeWellFormed) {
  for (const std::string target :
       {"", "ITLFile.tlv", "http://x/f", "/a%", "/a%4", "/a%4g", "/%zz"}) {
    EXPECT_FALSE(file_in_target(target)) << target;
  }
  EXPECT_FALSE(file_in_target("/" + std::string(600, 'a')));
}

TEST(FileName, CannotSpellAFolder) {
  EXPECT_TRUE(valid_name("SEP001122334455.cnf.xml.sgn"));
  for (const std::string target : {"/../etc/passwd", "/%2e%2e%2fadmin.db", "/a%00b", "/", "/a%5cb",
                                   "//etc/passwd", "/a%20b", "/%2fetc"}) {
    const auto name = file_in_target(target);
    EXPECT_FALSE(name && valid_name(*name)) << target;
  }
  EXPECT_FALSE(valid_name(std::string(129, 'a')));
}

}  // namespace
}  // namespace ringfence::services::tftp

// The declarations of the admin API as a whole.
#include "core/admin/methods.h"

#include <set>

#include <gtest/gtest.h>

#include "tests/support/golden.h"

namespace ringfence::core::admin {
namespace {

TEST(AdminMethods, HaveNamesOfTheirOwnAndALevelThatCucmHas) {
  std::set<std::string_view> names;
  for (const MethodFacts& one : all_methods()) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name << " is declared twice";
    EXPECT_TRUE(one.level == 0 || one.level == 1 || one.level == 4) << one.name;
    EXPECT_TRUE(one.act == Act::look || one.level > 0)
        << one.name << " changes something, and anybody may";
  }
  EXPECT_GE(names.size(), 50U);
}

TEST(AdminMethods, KeepTheTableOfTheReadme) {
  test::expect_section("core/admin/README.md", "<!-- methods -->", "<!-- end of methods -->",
                       method_table());
}

}  // namespace
}  // namespace ringfence::core::admin

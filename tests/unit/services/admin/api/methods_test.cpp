// Every method of the admin API, asked by an account of every level: real stores, nothing started.
#include "services/admin/api/methods.h"

#include <gtest/gtest.h>

#include "core/admin/methods.h"
#include "core/base/error.h"
#include "services/admin/node/child_processes.h"
#include "services/admin/wiring.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::services::admin {
namespace {

constexpr const char* kRefused = "this account may not do that";

class MethodsTest : public testing::Test {
 protected:
  /// asked returns what is thrown for a parameter that no method has: what is not refused before
  /// gets as far as that and does nothing.
  std::string asked(const core::Caller& caller, std::string_view method) {
    try {
      all_.methods.answer(caller, method, {{"no method has this", 1}});
    } catch (const core::Error& error) {
      return error.what();
    }
    return "";
  }

  test::TemporaryFolder folder_;
  House house_{folder_.path()};
  ChildProcesses services_{folder_.path(), house_.config};
  Wiring all_{house_, services_};
};

TEST_F(MethodsTest, EachIsRefusedBelowItsLevelAndAnsweredFromIt) {
  for (const int level : {0, 1, 4}) {
    const core::Caller caller{1000, 1, "level" + std::to_string(level)};
    house_.accounts.save({caller.user, level});
    for (const core::admin::MethodFacts& method : core::admin::all_methods()) {
      const std::string expected =
          level < method.level ? kRefused : "unknown parameter 'no method has this'";
      EXPECT_EQ(asked(caller, method.name), expected) << method.name << " at level " << level;
    }
  }
}

TEST_F(MethodsTest, ALevelThatIsChangedCountsAtOnceAndWithoutARestart) {
  const core::Caller anna{1000, 1, "anna"};
  for (const auto& [level, refused] : {std::pair(0, true), {1, false}, {4, false}, {0, true}}) {
    house_.accounts.save({anna.user, level});
    EXPECT_EQ(asked(anna, "cert.regenerate") == kRefused, refused) << level;
  }
}

TEST_F(MethodsTest, TheLevelIsOfTheUserWhomTheKernelNamesAndNotOfTheNameThatIsGiven) {
  house_.accounts.save({"anna", 0});
  EXPECT_NE(asked({0, 1, "anna"}, "cert.regenerate"), kRefused) << "root may do everything";
  EXPECT_NE(asked({0, 1, "no account"}, "cert.regenerate"), kRefused);
  EXPECT_EQ(asked({1000, 1, "anna"}, "cert.regenerate"), kRefused);
}

TEST_F(MethodsTest, WhoStartedTheHouseFirstMayDoEverythingAndLaterOnesAreNobody) {
  const std::string owner = core::user_name(::getuid());
  ASSERT_EQ(house_.accounts.list().size(), 1U);
  EXPECT_EQ(house_.accounts.find(owner)->level, 4);
}

TEST_F(MethodsTest, NoneIsAnsweredToWhoHasNoAccount) {
  for (const core::admin::MethodFacts& method : core::admin::all_methods())
    EXPECT_EQ(asked({1000, 1, "nobody"}, method.name), "user nobody has no account here");
}

TEST_F(MethodsTest, OneThatIsNotDeclaredIsUnknown) {
  EXPECT_EQ(asked({0, 1, "root"}, "cert.erase"), "there is no method 'cert.erase'");
}

}  // namespace
}  // namespace ringfence::services::admin

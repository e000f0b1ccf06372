// Every method of the admin API, asked by an account of every level: real stores, nothing started.
#include "services/admin/api/methods.h"

#include <gtest/gtest.h>

#include "core/admin/methods.h"
#include "core/base/error.h"
#include "services/admin/jobs/bulk_jobs.h"
#include "services/admin/jobs/jobs.h"
#include "services/admin/jobs/phone_resets.h"
#include "services/admin/node/child_processes.h"
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
      methods_.answer(caller, method, {{"no method has this", 1}});
    } catch (const core::Error& error) {
      return error.what();
    }
    return "";
  }

  test::TemporaryFolder folder_;
  House house_{folder_.path()};
  TrustKeeper keeper_{house_};
  ChildProcesses services_{folder_.path(), house_.config};
  Jobs jobs_{house_.jobs};
  Regeneration regeneration_{house_, keeper_, services_, jobs_};
  PhoneResets resets_{{house_, keeper_, services_, jobs_}};
  BulkJobs bulk_{house_, jobs_, keeper_, services_};
  Phones phones_{house_};
  Opening opening_{house_, keeper_, jobs_, services_};
  ExpiryMonitor monitor_{house_};
  Methods methods_{{house_, keeper_, regeneration_, phones_, services_, opening_, jobs_, bulk_,
                    resets_, monitor_}};
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

TEST_F(MethodsTest, NoneIsAnsweredToWhoHasNoAccount) {
  for (const core::admin::MethodFacts& method : core::admin::all_methods())
    EXPECT_EQ(asked({1000, 1, "nobody"}, method.name), "user nobody has no account here");
}

TEST_F(MethodsTest, OneThatIsNotDeclaredIsUnknown) {
  EXPECT_EQ(asked({0, 1, "root"}, "cert.erase"), "there is no method 'cert.erase'");
}

}  // namespace
}  // namespace ringfence::services::admin

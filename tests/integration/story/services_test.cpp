// Services that hang or are stopped, and list files that are damaged: what is said is true.

#include <signal.h>

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/bytes.h"
#include "core/base/file.h"
#include "tests/support/command.h"
#include "tests/support/database_file.h"
#include "tests/support/eventually.h"
#include "tests/support/instance.h"

namespace ringfence {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Services : public testing::Test {
 protected:
  void SetUp() override {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  core::Bytes itl() { return core::read_file(itl_, 1 << 20); }

  std::string published() {
    return test::sqlite3(instance_.state() / "db" / "admin.db",
                         "select count(*) from trust_list_version");
  }

  test::Instance instance_;
  const std::filesystem::path itl_ = instance_ / "tftp" / "ITLFile.tlv";
};

TEST_F(Services, ADamagedListIsReplacedByTheLastGoodOne) {
  const core::Bytes good = itl();
  const std::string versions = published();
  for (const std::string damage : {"garbage\n", ""}) {
    core::write_atomically(itl_, core::bytes_of(damage));
    const test::Result restarted = instance_.sh("--yes utils service restart Cisco Tftp");
    EXPECT_EQ(restarted.status, 0) << restarted.out;
    EXPECT_THAT(restarted.out,
                AllOf(HasSubstr("NOTE: The ITL file on disk was not good ("),
                      HasSubstr("The last good one is in its place, with the same bytes")));
    EXPECT_THAT(restarted.err, HasSubstr("NOTE: The ITL file on disk was not good ("));
    EXPECT_EQ(itl(), good);
  }
  std::filesystem::remove(itl_);
  EXPECT_EQ(instance_.sh("utils service stop Cisco Tftp").status, 0);
  EXPECT_THAT(instance_.sh("utils service start Cisco Tftp").out, HasSubstr("The last good one"));
  EXPECT_EQ(itl(), good);
  EXPECT_EQ(published(), versions) << "nothing new was published";
  EXPECT_EQ(test::sqlite3(instance_.state() / "db" / "admin.db",
                          "select count(*) from audit where event = 'ITL_RESTORE_DONE'"),
            "3");
  EXPECT_THAT(instance_.sh("utils service restart Cisco Tftp").out, Not(HasSubstr("NOTE")));
}

TEST_F(Services, AListPutRightAtTheStartIsTold) {
  EXPECT_THAT(instance_.sh("show status").out, Not(HasSubstr("NOTE:"))) << "a new house";
  ASSERT_EQ(instance_.stop().status, 0);
  core::write_atomically(itl_, core::bytes_of("garbage\n"));
  const test::Result started = instance_.start();
  ASSERT_EQ(started.status, 0) << started.out << started.err;
  EXPECT_THAT(instance_.sh("show status").out,
              AllOf(HasSubstr("NOTE: At 20"), HasSubstr("The ITL file on disk was not good ("),
                    HasSubstr("The last good one is in its place")));
}

TEST_F(Services, OneThatWasStoppedStaysStoppedWhenAdminCrashesAndStartsWithRingfence) {
  const std::string name = "Cisco Trust Verification Service";
  ASSERT_EQ(instance_.sh("utils service stop " + name).status, 0);
  const std::vector<int> before = instance_.processes("admin");
  for (const int pid : before) ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_TRUE(test::eventually([&] {
    const test::Result listed = instance_.sh("utils service list");
    return listed.status == 0 && instance_.processes("admin") != before &&
           listed.out.find("Cisco Tftp[STARTED]") != std::string::npos;
  }));
  EXPECT_THAT(instance_.sh("utils service list page").out,
              HasSubstr(name + "[STOPPED]  Commanded Out of Service"));
  ASSERT_EQ(instance_.stop().status, 0);
  ASSERT_EQ(instance_.start().status, 0);
  EXPECT_THAT(instance_.sh("utils service list").out, HasSubstr(name + "[STARTED]"));
}

TEST_F(Services, ANewListInTheFilesPlaceIsWarnedOf) {
  core::write_atomically(itl_, core::bytes_of("garbage\n"));
  test::sqlite3(instance_.state() / "db" / "admin.db", "delete from trust_list_version");
  const boost::json::object restarted = instance_.json("utils service restart Cisco Tftp");
  ASSERT_EQ(restarted.at("warnings").as_array().size(), 1U);
  EXPECT_THAT(std::string(restarted.at("warnings").at(0).as_string()),
              AllOf(HasSubstr("there was no good copy: a new one is published, SHA1 "),
                    HasSubstr("'utils phone reset all'")));
}

TEST_F(Services, OneThatHangsIsNotCalledStartedAndARestartMendsIt) {
  const std::string name = "Cisco Trust Verification Service";
  const std::vector<int> before = instance_.processes("tvs");
  ASSERT_EQ(before.size(), 1U);
  ASSERT_EQ(::kill(before[0], SIGSTOP), 0);
  EXPECT_THAT(instance_.sh("utils service list").out,
              HasSubstr(name +
                        "[NOT RESPONDING]  it runs and does not answer; mend it with: utils "
                        "service restart " +
                        name + "\n"));
  EXPECT_THAT(instance_.run_appliance({"--status"}).out, HasSubstr(name + "[NOT RESPONDING]"));
  EXPECT_THAT(instance_.sh("show status").out,
              HasSubstr("WARNING: " + name + " is not responding: "));
  const test::Result started = instance_.sh("utils service start " + name);
  EXPECT_EQ(started.status, 1);
  EXPECT_THAT(started.out, HasSubstr("'utils service restart " + name + "' ends it and starts it"));
  EXPECT_EQ(instance_.sh("utils service restart " + name).status, 0);
  EXPECT_NE(instance_.processes("tvs"), before);
  EXPECT_THAT(instance_.sh("utils service list").out, Not(HasSubstr("NOT RESPONDING")));
}

TEST_F(Services, AnAdminThatHangsIsWaitedForOnceAndNamed) {
  const std::vector<int> admins = instance_.processes("admin");
  for (const int pid : admins) ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  const test::Result shown = instance_.sh("show status");
  for (const int pid : admins) ASSERT_EQ(::kill(pid, SIGCONT), 0);
  EXPECT_EQ(shown.status, 1);
  EXPECT_THAT(shown.out + shown.err, HasSubstr("gave no answer within 10 s"));
  EXPECT_EQ(instance_.sh("show status").status, 0);
}

TEST_F(Services, ASignerThatHangsIsNotCalledStarted) {
  const auto signal_all = [&](int signal) {
    for (const int pid : instance_.processes("signer")) ASSERT_EQ(::kill(pid, signal), 0);
  };
  const auto listed = [&](const std::string& line) {
    return instance_.sh("utils service list").out.find(line) != std::string::npos;
  };
  signal_all(SIGSTOP);
  EXPECT_TRUE(test::eventually([&] {
    return listed("Ringfence Signer[NOT RESPONDING]  it runs and does not answer; see: show hsm\n");
  }));
  signal_all(SIGCONT);
  EXPECT_TRUE(test::eventually([&] { return listed("Ringfence Signer[STARTED]"); }));
}

TEST_F(Services, WhatIsSaidOfStoppedOnesIsTrue) {
  ASSERT_EQ(instance_.sh("utils service stop Cisco Trust Verification Service").status, 0);
  const test::Result regenerated = instance_.sh("--yes set cert regen TVS");
  EXPECT_EQ(regenerated.status, 0) << regenerated.out;
  EXPECT_THAT(regenerated.out,
              AllOf(HasSubstr("WARNING: Cisco Trust Verification Service does not run; it uses the "
                              "new certificate once it is started: "),
                    Not(HasSubstr("use the new certificate already"))));

  ASSERT_EQ(instance_.sh("utils service stop Cisco Tftp").status, 0);
  const test::Result shown = instance_.sh("show itl");
  EXPECT_EQ(shown.status, 0) << "the file itself is good";
  EXPECT_THAT(shown.out, HasSubstr("WARNING: The file is good, but Cisco Tftp does not answer: "
                                   "phones cannot fetch it now."));

  ASSERT_EQ(instance_.sh("utils service stop Cisco CallManager").status, 0);
  const test::Result plan = instance_.sh("set cert regen CAPF", "no\n");
  EXPECT_THAT(plan.out, AllOf(HasSubstr("WARNING: Regenerating CAPF resets no phones.\n"),
                              HasSubstr("NOTE: Cisco CallManager stopped at 20")));
  const test::Result reset = instance_.sh("utils phone reset all", "yes\n");
  EXPECT_EQ(reset.status, 1);
  EXPECT_THAT(reset.out, AllOf(HasSubstr("so no phone can be told anything"),
                               Not(HasSubstr("You are about to"))));
}

TEST_F(Services, WhatIsSaidOfOnesThatHangIsTrue) {
  const auto suspend = [&](const std::string& daemon) {
    for (const int pid : instance_.processes(daemon)) ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  };
  suspend("tvs");
  const test::Result regenerated = instance_.sh("--yes set cert regen TVS");
  EXPECT_EQ(regenerated.status, 5) << regenerated.out;
  EXPECT_THAT(regenerated.out,
              AllOf(HasSubstr("Cisco Trust Verification Service was not told of it"),
                    Not(HasSubstr("use the new certificate already"))));
  suspend("tftp");
  EXPECT_THAT(instance_.sh("show itl").out,
              HasSubstr("Mend that with 'utils service restart Cisco Tftp'."));
}

TEST_F(Services, ADamagedListIsToldWithItsCure) {
  core::write_atomically(itl_, core::bytes_of("garbage\n"));
  const test::Result shown = instance_.sh("show itl");
  EXPECT_EQ(shown.status, 1);
  EXPECT_THAT(shown.out, HasSubstr("'utils service restart Cisco Tftp'"));
  EXPECT_THAT(
      instance_.sh("show status").out,
      AllOf(HasSubstr("WARNING: The ITL file "), HasSubstr("'utils service restart Cisco Tftp'")));
}

}  // namespace
}  // namespace ringfence

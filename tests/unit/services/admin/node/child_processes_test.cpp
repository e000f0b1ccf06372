// Services as child processes: real processes, and this test answers on their control sockets.
#include "services/admin/node/child_processes.h"

#include <signal.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/file.h"
#include "core/net/rpc.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::services::admin {
namespace {

namespace fs = std::filesystem;
using core::admin::ServiceFacts;
using testing::ElementsAre;

std::vector<std::string> states_of(const std::vector<ServiceFacts>& facts) {
  std::vector<std::string> states;
  for (const ServiceFacts& one : facts) states.push_back(one.state);
  return states;
}

class ChildProcessesTest : public testing::Test {
 protected:
  ChildProcessesTest() {
    for (const char* folder : {"run", "log", "bin"}) fs::create_directories(folder_ / folder);
  }

  /// program makes ringfence-<daemon>, a script that first writes down its number.
  void program(std::string_view daemon, const std::string& script) {
    const fs::path file = folder_ / "bin" / ("ringfence-" + std::string(daemon));
    std::ofstream(file) << "#!/bin/sh\necho $$ \"$@\" >>" << (folder_ / "runs").string() << "."
                        << daemon << "\n"
                        << script << "\n";
    fs::permissions(file, fs::perms::owner_all);
  }

  /// runs returns a line for each time that the daemon was started.
  std::vector<std::string> runs(std::string_view daemon) const {
    std::ifstream file((folder_ / "runs").string() + "." + std::string(daemon));
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  pid_t pid_of(std::string_view daemon) const { return std::stoi(runs(daemon).back()); }

  static bool is_alive(pid_t pid) { return ::kill(pid, 0) == 0; }

  core::RpcServer answering(const Service& service) {
    return core::RpcServer(config_.control_socket(std::string(service.daemon)),
                           [](const core::Caller&, std::string_view, const boost::json::object&) {
                             return boost::json::value(boost::json::object{});
                           });
  }

  test::TemporaryFolder folder_;
  core::Config config_ = core::Config::load(folder_.path());
  const Service tftp_ = *service_named("Cisco Tftp");
  const Service capf_ = *service_named("Cisco Certificate Authority Proxy Function");
};

TEST_F(ChildProcessesTest, StartsWhatAnswersTellsItItsFolderAndStopsIt) {
  program("tftp", "exec sleep 600");
  const core::RpcServer answers = answering(tftp_);
  ChildProcesses services(folder_ / "bin", config_);
  EXPECT_EQ(services.state(tftp_).reason, "Service Not Activated");
  EXPECT_THAT(states_of(services.start(tftp_)), ElementsAre("STARTING", "STARTED"));
  EXPECT_THAT(states_of(services.start(tftp_)), ElementsAre("STARTED")) << "it runs already";
  ASSERT_EQ(runs("tftp").size(), 1U);
  EXPECT_THAT(runs("tftp").front(), testing::EndsWith(" --state " + folder_.path().string()));
  const pid_t pid = pid_of("tftp");
  EXPECT_TRUE(is_alive(pid));
  EXPECT_THAT(states_of(services.stop(tftp_)), ElementsAre("STOPPING", "STOPPED"));
  EXPECT_FALSE(is_alive(pid));
  EXPECT_EQ(services.state(tftp_).reason, kCommandedOut);
  EXPECT_THAT(states_of(services.stop(tftp_)), ElementsAre("STOPPED")) << "it is down already";
}

TEST_F(ChildProcessesTest, OneThatEndsUnaskedIsStartedAgain) {
  program("tftp", "exec sleep 600");
  const core::RpcServer answers = answering(tftp_);
  ChildProcesses services(folder_ / "bin", config_);
  services.start(tftp_);
  ::kill(pid_of("tftp"), SIGKILL);
  EXPECT_TRUE(test::eventually([&] { return services.state(tftp_).state == "STOPPED"; }));
  EXPECT_EQ(services.state(tftp_).reason, "ended by signal 9");
  EXPECT_TRUE(test::eventually([&] { return services.state(tftp_).state == "STARTED"; }));
  EXPECT_EQ(runs("tftp").size(), 2U);
}

TEST_F(ChildProcessesTest, OneThatCannotStartSaysWhyAndIsTriedAgainUntilItIsStopped) {
  program("tftp", "exit 7");
  ChildProcesses services(folder_ / "bin", config_);
  const std::vector<ServiceFacts> states = services.start(tftp_);
  EXPECT_THAT(states_of(states), ElementsAre("STARTING", "STOPPED"));
  EXPECT_EQ(states.back().reason, "ended with status 7");
  EXPECT_EQ(services.start(capf_).back().reason, "ended with status 127") << "there is none";
  EXPECT_TRUE(test::eventually([&] { return runs("tftp").size() > 1; }));
  services.stop(tftp_);
  EXPECT_EQ(services.state(tftp_).reason, kCommandedOut);
  EXPECT_FALSE(services.gave_up(tftp_));
}

TEST_F(ChildProcessesTest, ASignerWhosePinWasRefusedIsNotStartedAgain) {
  program("signer", "exit 3");
  program("tftp", "exit 7");
  ChildProcesses services(folder_ / "bin", config_);
  EXPECT_EQ(services.start(kSigner).back().state, "STOPPED");
  EXPECT_TRUE(services.gave_up(kSigner));
  services.start(tftp_);  // after it; so what is started again later would have come first
  EXPECT_TRUE(test::eventually([&] { return runs("tftp").size() > 1; }));
  EXPECT_EQ(runs("signer").size(), 1U);
}

TEST_F(ChildProcessesTest, NoneOutlivesIt) {
  program("tftp", "exec sleep 600");
  const core::RpcServer answers = answering(tftp_);
  pid_t pid = 0;
  {
    ChildProcesses services(folder_ / "bin", config_);
    services.start(tftp_);
    pid = pid_of("tftp");
    EXPECT_TRUE(is_alive(pid));
  }
  EXPECT_FALSE(is_alive(pid));
}

TEST_F(ChildProcessesTest, WhatItSaysStandsInItsLog) {
  program("tftp", "echo out; echo err >&2; exit 1");
  ChildProcesses services(folder_ / "bin", config_);
  services.start(tftp_);
  EXPECT_EQ(core::text_of(core::read_file(config_.log_file("tftp"), 1000)), "out\nerr\n");
}

}  // namespace
}  // namespace ringfence::services::admin

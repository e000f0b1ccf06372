// What a whole instance does with bad input: the message says what was wrong, nothing is lost.

#include <signal.h>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/bytes.h"
#include "core/base/file.h"
#include "tests/support/command.h"
#include "tests/support/eventually.h"
#include "tests/support/instance.h"

namespace ringfence {
namespace {

using testing::HasSubstr;

class BadInput : public testing::Test {
 protected:
  void start() {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  test::Instance instance_;
};

TEST_F(BadInput, ASecondInstanceOnTheSameStateIsRefusedAndTheFirstGoesOn) {
  start();
  const test::Result second = instance_.run_appliance(
      {"--port-offset", std::to_string(test::free_port_offset()), "--detach"});
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.err, HasSubstr("already uses " + instance_.state().string()));
  const test::Result daemon = test::run(
      {std::string(RINGFENCE_BIN_DIR) + "/ringfence-admin", "--state", instance_.state().string()});
  EXPECT_EQ(daemon.status, 1);
  EXPECT_THAT(daemon.err, HasSubstr("another Ringfence already uses"));
  const test::Result signer = test::run({std::string(RINGFENCE_BIN_DIR) + "/ringfence-signer",
                                         "--state", instance_.state().string()});
  EXPECT_NE(signer.status, 0);
  EXPECT_EQ(instance_.sh("show itl").status, 0);
  EXPECT_EQ(instance_.start().status, 0) << "the same --detach again changes nothing";
}

TEST_F(BadInput, APortThatIsTakenIsNamedAndNothingIsLeftRunning) {
  start();
  test::Instance other;
  const test::Result clash =
      other.run_appliance({"--port-offset", std::to_string(instance_.port_offset()), "--detach"});
  EXPECT_EQ(clash.status, 1);
  EXPECT_THAT(clash.err, HasSubstr("STOPPED"));
  EXPECT_THAT(clash.err, HasSubstr("cannot listen on 127.0.0.1:")) << "the end of the log says why";
  EXPECT_TRUE(other.processes().empty());
  EXPECT_EQ(other.run_appliance({"--status"}).status, 1);
}

TEST_F(BadInput, AMissingPinStopsWithItsFileNamed) {
  start();
  instance_.stop();
  std::filesystem::rename(instance_ / "hsm" / "user.pin", instance_ / "kept.pin");
  const test::Result missing = instance_.start();
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.err, HasSubstr("user.pin"));
  std::filesystem::rename(instance_ / "kept.pin", instance_ / "hsm" / "user.pin");
  EXPECT_EQ(instance_.start().status, 0) << "the token was not touched";
}

TEST_F(BadInput, AWrongPinStopsAndIsNotPrinted) {
  start();
  const test::Result before = instance_.sh("show cert own CAPF");
  instance_.stop();
  const std::filesystem::path pin = instance_ / "hsm" / "user.pin";
  const core::Bytes good = core::read_file(pin, 1024);
  core::write_atomically(pin, core::bytes_of("987654321987"), 0600);
  const test::Result wrong = instance_.start();
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr("PIN"));
  EXPECT_THAT(wrong.out + wrong.err, testing::Not(HasSubstr("987654321987")));
  core::write_atomically(pin, good, 0600);
  ASSERT_EQ(instance_.start().status, 0);
  EXPECT_EQ(instance_.sh("show cert own CAPF").out, before.out);
}

TEST_F(BadInput, ACorruptDatabaseIsRefusedByNameAndKept) {
  start();
  instance_.stop();
  const std::filesystem::path file = instance_ / "db" / "admin.db";
  std::filesystem::remove(file.string() + "-wal");
  const core::Bytes rubbish(8192, 0x5a);
  core::write_atomically(file, rubbish, 0600);
  const test::Result corrupt = instance_.start();
  EXPECT_EQ(corrupt.status, 1);
  EXPECT_THAT(corrupt.err, HasSubstr("admin.db"));
  EXPECT_EQ(core::read_file(file, 1 << 20), rubbish) << "evidence must not be overwritten";
}

TEST_F(BadInput, AWrongConfigurationNamesFileLineAndKey) {
  std::ofstream(instance_ / "ringfence.toml") << "[network]\nlisten = \"127.0.0.1\"\nports = 3\n";
  const test::Result wrong = instance_.run_appliance({"--detach"});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr("ringfence.toml:3: unknown key network.ports"));
}

TEST_F(BadInput, CommandsThatAreNoneAreToldInCucmsWords) {
  start();
  const test::Result unknown = instance_.sh("show me the money");
  EXPECT_NE(unknown.status, 0);
  EXPECT_THAT(unknown.out + unknown.err, HasSubstr("No valid command entered"));
  const test::Result half = instance_.sh("utils itl");
  EXPECT_NE(half.status, 0);
  EXPECT_THAT(half.out + half.err, HasSubstr("Incomplete command entered"));
  const test::Result unit = instance_.sh("--yes set cert regen tomcat");
  EXPECT_NE(unit.status, 0);
  EXPECT_THAT(unit.out + unit.err, HasSubstr("Executed command unsuccessfully"));
  EXPECT_THAT(unit.out + unit.err, HasSubstr("CAPF"));
  const test::Result service = instance_.sh("utils service restart Cisco Coffee");
  EXPECT_NE(service.status, 0);
  EXPECT_THAT(service.out + service.err, HasSubstr("Cisco Tftp"));
}

TEST_F(BadInput, ABadRowIsNamedByItsLineAndNothingIsImported) {
  start();
  const test::Result bad = instance_.sh(
      "utils phone import -", "name,operation\nSEP001122334455,install\nSEP00112233445,install\n");
  EXPECT_NE(bad.status, 0);
  EXPECT_THAT(bad.out + bad.err, HasSubstr("line 3"));
  EXPECT_TRUE(instance_.json("show phone list").at("phones").as_array().empty());
  const test::Result column = instance_.sh("utils phone import -", "name,colour\n");
  EXPECT_NE(column.status, 0);
  EXPECT_THAT(column.out + column.err, HasSubstr("line 1"));
}

TEST_F(BadInput, AKilledServiceComesBackByItself) {
  start();
  const std::vector<int> before = instance_.processes("capf");
  ASSERT_EQ(before.size(), 1U);
  ASSERT_EQ(::kill(before[0], SIGKILL), 0);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  bool back = false;
  while (!back && std::chrono::steady_clock::now() < until) {
    const std::vector<int> now = instance_.processes("capf");
    if (now.size() != 1 || now == before) continue;
    const boost::json::object list = instance_.json("utils service list");
    for (const auto& service : list.at("services").as_array())
      back =
          back || (service.at("name").as_string() == "Cisco Certificate Authority Proxy Function" &&
                   service.at("state").as_string() == "STARTED");
  }
  EXPECT_TRUE(back) << "supervision must start it again without a command";
}

TEST_F(BadInput, AKilledSignerComesBackAndSignsAgain) {
  start();
  const std::vector<int> before = instance_.processes("signer");
  ASSERT_GE(before.size(), 3U) << "the signer and at least two workers";
  for (const int pid : before) ::kill(pid, SIGKILL);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  bool signs = false;
  while (!signs && std::chrono::steady_clock::now() < until)
    signs = instance_.sh("utils itl reset localkey").status == 0;
  EXPECT_TRUE(signs);
  EXPECT_NE(instance_.processes("signer"), before);
  // It is asked every few seconds.
  EXPECT_TRUE(test::eventually([&] {
    return instance_.sh("utils service list").out.find("Ringfence Signer[STARTED]") !=
           std::string::npos;
  }));
}

}  // namespace
}  // namespace ringfence

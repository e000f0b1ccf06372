// appliance/run as users meet it: killed daemons, two at once, odd configuration, pipes, Ctrl-C.

#include <signal.h>
#include <sys/mount.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <string>
#include <vector>

#include <fmt/format.h>
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
using testing::Not;
using namespace std::chrono_literals;

class Appliance : public testing::Test {
 protected:
  void start() {
    const test::Result started = instance_.start();
    ASSERT_EQ(started.status, 0) << started.out << started.err;
  }

  void kill_admin() {
    const std::vector<int> admin = instance_.processes("admin");
    ASSERT_EQ(admin.size(), 1U);
    ASSERT_EQ(::kill(admin[0], SIGKILL), 0);
  }

  std::string configuration() {
    return core::text_of(core::read_file(instance_ / "ringfence.toml", 65536));
  }

  /// all_started tells whether admin answers and every service runs.
  bool all_started() {
    const std::string services = instance_.sh("utils service list").out;
    return services.find("STARTED") != std::string::npos &&
           services.find("STOPPED") == std::string::npos &&
           services.find("STARTING") == std::string::npos;
  }

  std::string fetched(const std::string& url) {
    return test::run({"curl", "-s", "--max-time", "20", url}, "", {}).out;
  }

  std::string offset() { return std::to_string(instance_.port_offset()); }

  test::Instance instance_;
};

TEST_F(Appliance, AStartAfterAKilledAdminEndsWhatItLeft) {
  start();
  const std::size_t signer = instance_.processes("signer").size();
  kill_admin();
  EXPECT_EQ(instance_.run_appliance({"--status"}).status, 1);
  start();
  EXPECT_EQ(instance_.processes("signer").size(), signer) << "one signer and its workers";
  EXPECT_EQ(instance_.run_appliance({"--status"}).status, 0);
}

TEST_F(Appliance, AStopAfterAKilledAdminLeavesNothing) {
  start();
  kill_admin();
  const test::Result stopped = instance_.stop();
  EXPECT_EQ(stopped.status, 0);
  EXPECT_TRUE(instance_.processes().empty()) << "no daemon outlives admin";
}

TEST_F(Appliance, AKilledAdminComesBackByItselfWithItsServices) {
  start();
  const std::vector<int> before = instance_.processes();
  kill_admin();
  EXPECT_TRUE(test::eventually([&] { return all_started(); }));
  for (const int pid : instance_.processes()) {
    EXPECT_EQ(std::count(before.begin(), before.end(), pid), 0) << "one of before is left";
  }
  EXPECT_EQ(instance_.processes("admin").size(), 1U);
  start();
  EXPECT_EQ(instance_.stop().status, 0);
  EXPECT_TRUE(instance_.processes().empty());
  EXPECT_THAT(instance_.run_appliance({"--status"}).out, HasSubstr("no Ringfence runs"));
}

TEST_F(Appliance, AKilledAdminComesBackUnderAnOpenShell) {
  // A shell that reads a pipe; admin is killed while it waits for its next command.
  const std::string script = R"(
    cd "$1"; shift
    mkfifo typed
    "$@" <typed >said 2>&1 &
    shell=$!
    exec 3>typed
    until grep -q 'every service answers' said; do sleep 0.1; done
    read -r first <lock
    kill -9 "$first"
    until read -r second <lock && [ "$second" != "$first" ] &&
      "$RINGFENCE_PROGRAMS/ringfence" --socket run/admin.sock show version active >/dev/null 2>&1
    do sleep 0.1; done
    echo 'show version active' >&3
    exec 3>&-
    wait "$shell"
    status=$?
    cat said
    exit $status)";
  const test::Result ran =
      test::run({"timeout", "120", "bash", "-c", script, "bash", instance_.state().string(),
                 std::string(RINGFENCE_SOURCE_DIR) + "/appliance/run", "--state",
                 instance_.state().string(), "--port-offset", offset()},
                "", {std::string("RINGFENCE_PROGRAMS=") + RINGFENCE_BIN_DIR});
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("Active Master Version"));
  EXPECT_TRUE(instance_.processes().empty());
}

/// SmallDisk is an instance on a disk of its own, of 24 MB.
class SmallDisk : public Appliance {
 protected:
  void SetUp() override {
    if (::mount("tmpfs", instance_.state().c_str(), "tmpfs", 0, "size=24m,mode=0700") != 0) {
      GTEST_SKIP() << "not allowed to mount";
    }
    mounted_ = true;
  }

  void TearDown() override {
    if (!mounted_) return;
    instance_.stop();
    EXPECT_EQ(::umount(instance_.state().c_str()), 0);
  }

  void fill() {
    std::ofstream file(instance_ / "fill", std::ios::app);
    const std::string block(1024, 'x');
    while (file.write(block.data(), 1024).flush()) continue;
  }

  void expect_files() {
    const int tftp = 69 + instance_.port_offset();
    const int http = 6970 + instance_.port_offset();
    EXPECT_GT(fetched(fmt::format("tftp://127.0.0.1:{}/ITLFile.tlv", tftp)).size(), 1000U);
    EXPECT_GT(fetched(fmt::format("http://127.0.0.1:{}/ITLFile.tlv", http)).size(), 1000U);
  }

 private:
  bool mounted_ = false;
};

TEST_F(SmallDisk, WhenItIsFullServicesAnswerSayItAndStartAgain) {
  start();
  EXPECT_THAT(instance_.sh("show status").out, Not(HasSubstr("WARNING")));
  fill();
  expect_files();
  const std::string status = instance_.sh("show status").out;
  EXPECT_THAT(status, HasSubstr("WARNING: The disk of " + instance_.state().string() + " is full"));

  // As many starts as you like while it is full, and one when there is room again.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(instance_.stop().status, 0);
    start();
    EXPECT_TRUE(all_started());
    expect_files();
  }
  std::filesystem::remove(instance_ / "fill");
  EXPECT_EQ(instance_.stop().status, 0);
  start();
  expect_files();
  EXPECT_THAT(instance_.sh("show status").out, Not(HasSubstr("WARNING")));
}

TEST_F(Appliance, TwoStartsAtOnceMakeOneInstanceThatLives) {
  auto other = std::async(std::launch::async, [this] { return instance_.start(); });
  const test::Result mine = instance_.start();
  EXPECT_EQ(mine.status, 0) << mine.out << mine.err;
  EXPECT_EQ(other.get().status, 0);
  EXPECT_EQ(instance_.processes("admin").size(), 1U);
  EXPECT_EQ(instance_.run_appliance({"--status"}).status, 0);
}

TEST_F(Appliance, AFileWithoutANetworkSectionStillGetsTheOffset) {
  std::ofstream(instance_ / "ringfence.toml") << "[hsm]\ntoken = \"mine\" # as README says";
  start();
  EXPECT_THAT(configuration(), HasSubstr("[hsm]\ntoken = \"mine\" # as README says\n"));
  EXPECT_THAT(configuration(), HasSubstr("port_offset = " + offset() + "\n"));
  EXPECT_THAT(instance_.run_appliance({"--status"}).out,
              HasSubstr("listening on 127.0.0.1, port offset " + offset() + "\n"));
}

TEST_F(Appliance, WrongOptionsAreRefusedAndNotKept) {
  for (const std::string address : {"a/b", "256.1.1.1", "1.2.3", "01.2.3.4", "here"}) {
    const test::Result wrong = instance_.run_appliance({"--listen", address, "--detach"});
    EXPECT_EQ(wrong.status, 2) << address;
    EXPECT_THAT(wrong.err, HasSubstr("IPv4 address")) << address;
  }
  EXPECT_FALSE(std::filesystem::exists(instance_ / "ringfence.toml"));
  start();
  instance_.stop();
  const std::string before = configuration();
  const test::Result foreign = instance_.run_appliance({"--listen", "192.0.2.7", "--detach"});
  EXPECT_EQ(foreign.status, 1) << "an address of no interface here";
  EXPECT_THAT(foreign.err, HasSubstr("192.0.2.7"));
  EXPECT_EQ(configuration(), before);
  start();
}

TEST_F(Appliance, AShellThatReadsAPipeAnswersAndStopsWhatItStarted) {
  const test::Result piped =
      test::run({"bash", "-c", "printf 'show version active\\n' | \"$@\"", "bash",
                 std::string(RINGFENCE_SOURCE_DIR) + "/appliance/run", "--state",
                 instance_.state().string(), "--port-offset", offset()},
                "", {std::string("RINGFENCE_PROGRAMS=") + RINGFENCE_BIN_DIR});
  EXPECT_EQ(piped.status, 0) << piped.err;
  EXPECT_THAT(piped.out, HasSubstr("Active Master Version"));
  EXPECT_THAT(piped.out, HasSubstr("==> stopping"));
  EXPECT_TRUE(instance_.processes().empty());
}

TEST_F(Appliance, CtrlCInTheShellDoesNotSpoilTheQuitAfterIt) {
  const std::string script =
      "set timeout 60\n"
      "spawn {*}$argv\n"
      "expect \"admin:\" {} timeout {exit 9}\n"
      "send \"show ver\\003\"\n"
      "expect \"admin:\" {} timeout {exit 8}\n"
      "send \"quit\\r\"\n"
      "expect \"==> stopping\" {} timeout {exit 7} eof {exit 6}\n"
      "expect eof\n"
      "exit [lindex [wait] 3]\n";
  std::ofstream(instance_ / "ctrl-c.exp") << script;
  const test::Result typed =
      test::run({"expect", (instance_ / "ctrl-c.exp").string(),
                 std::string(RINGFENCE_SOURCE_DIR) + "/appliance/run", "--state",
                 instance_.state().string(), "--port-offset", offset()},
                "", {std::string("RINGFENCE_PROGRAMS=") + RINGFENCE_BIN_DIR});
  if (typed.status == 127) GTEST_SKIP() << "expect is not installed";
  EXPECT_EQ(typed.status, 0) << typed.out;
  EXPECT_TRUE(instance_.processes().empty());
}

TEST_F(Appliance, StartsNowhereWhereOthersCanWrite) {
  namespace fs = std::filesystem;
  const std::string state = instance_.state().string();
  fs::permissions(state, static_cast<fs::perms>(0777));
  const test::Result open = instance_.start();
  EXPECT_EQ(open.status, 1);
  EXPECT_THAT(open.err, HasSubstr(state + " can be changed by other users: chmod go-w " + state));
  EXPECT_FALSE(fs::exists(instance_ / "run")) << "it was written to";
  fs::permissions(state, static_cast<fs::perms>(0700));
  fs::create_symlink("/tmp", instance_ / "log");
  const test::Result linked = instance_.start();
  EXPECT_EQ(linked.status, 1);
  EXPECT_THAT(linked.err, HasSubstr(state + "/log is a symbolic link"));
  fs::remove(instance_ / "log");
  start();
  EXPECT_EQ(instance_.run_appliance({"--status"}).status, 0);
}

}  // namespace
}  // namespace ringfence

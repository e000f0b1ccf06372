// What reaches the log when peers cause more than anybody can read, and the file's bounds.
#include "core/base/log.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/file.h"
#include "core/base/log_file.h"
#include "core/base/log_throttle.h"

namespace ringfence::core {
namespace {

using namespace std::chrono_literals;
using Repeated = LogThrottle::Repeated;

constexpr LogThrottle::Bounds kFew{.burst = 3,
                                   .per_second = 1,
                                   .event_burst = 10,
                                   .event_per_second = 1,
                                   .tell_after = 10s,
                                   .keys = 20,
                                   .told = 4};

class LogThrottleTest : public testing::Test {
 protected:
  int admitted(const std::string& peer, int lines, std::chrono::seconds after = 0s) {
    int count = 0;
    for (int i = 0; i < lines; ++i) count += throttle.admit("EVENT", peer, start + after) ? 1 : 0;
    return count;
  }

  const LogThrottle::Clock::time_point start{};
  LogThrottle throttle{kFew};
};

TEST_F(LogThrottleTest, LetsAPeerHaveABurstAndThenAFewASecond) {
  EXPECT_EQ(admitted("10.0.0.1:5060", 5), 3);
  EXPECT_EQ(admitted("10.0.0.1:5061", 5), 0) << "another port is the same peer";
  EXPECT_EQ(admitted("10.0.0.2:5060", 1), 1);
  EXPECT_TRUE(throttle.admit("OTHER", "10.0.0.1:5060", start));
  EXPECT_EQ(admitted("10.0.0.1:5062", 5, 2s), 2);
}

TEST_F(LogThrottleTest, BoundsAnEventWhoeverCausesIt) {
  int written = 0;
  for (int i = 0; i < 100; ++i) written += admitted(fmt::format("10.0.1.{}:1", i), 1);
  EXPECT_EQ(written, 10);
  EXPECT_EQ(throttle.rest(), (std::vector<Repeated>{{"EVENT", "", 90}}));
}

TEST_F(LogThrottleTest, TellsHowOftenWhatWasLeftOutOnce) {
  admitted("10.0.0.1:5060", 103);
  EXPECT_TRUE(throttle.due(start + 9s).empty());
  EXPECT_EQ(throttle.due(start + 10s), (std::vector<Repeated>{{"EVENT", "10.0.0.1", 100}}));
  EXPECT_TRUE(throttle.due(start + 30s).empty());
  EXPECT_TRUE(throttle.rest().empty());
}

TEST_F(LogThrottleTest, SumsUpWhatWouldBeTooManyTales) {
  LogThrottle::Bounds bounds = kFew;
  bounds.event_burst = 1000;
  LogThrottle many(bounds);
  for (int peer = 0; peer < 8; ++peer) {
    for (int i = 0; i < 5; ++i) many.admit("EVENT", fmt::format("10.0.0.{}:1", peer), start);
  }
  const auto tales = many.rest();
  ASSERT_EQ(tales.size(), 5U);
  EXPECT_EQ(tales.back(), (Repeated{"EVENT", "", 8}));
}

TEST_F(LogThrottleTest, RemembersABoundedNumberOfPeers) {
  LogThrottle::Bounds bounds = kFew;
  bounds.event_burst = 100;
  LogThrottle many(bounds);
  int written = 0;
  for (int peer = 0; peer < 1000; ++peer) {
    written += many.admit("EVENT", fmt::format("10.0.{}.{}:1", peer / 250, peer % 250), start);
  }
  EXPECT_EQ(written, 100) << "those that found no room were bounded by the event";
  EXPECT_TRUE(many.admit("EVENT", "10.9.9.9:1", start + 100s)) << "the idle ones made room";
}

/// In a process of its own, whose standard error is `file`: `write` logs there.
template <typename Write>
void logging_to(const std::filesystem::path& file, const Write& write) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0640);
    if (fd < 0 || ::fchmod(fd, 0640) != 0) ::_exit(1);
    ::dup2(fd, STDERR_FILENO);
    ::dup2(fd, STDOUT_FILENO);
    write();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
}

std::string text_in(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class LogFileTest : public testing::Test {
 protected:
  LogFileTest() {
    std::string pattern = testing::TempDir() + "log_test.XXXXXX";
    folder = ::mkdtemp(pattern.data());
    file = folder / "capf.log";
  }

  ~LogFileTest() override { std::filesystem::remove_all(folder); }

  std::uintmax_t bytes_in_all() const {
    std::uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      bytes += entry.file_size();
    }
    return bytes;
  }

  std::filesystem::path folder;
  std::filesystem::path file;
};

TEST_F(LogFileTest, KeepsAFewGenerationsOfBoundedSize) {
  logging_to(file, [this] {
    keep_log_within(file, {.bytes = 20'000, .older = 2});
    for (int i = 0; i < 3000; ++i) {
      log(Level::notice, fmt::format("EVENT_{}", i), {{"text", std::string(80, 'x')}});
    }
    std::fputs("said by somebody else\n", stdout);
    std::fflush(stdout);
  });
  EXPECT_LE(bytes_in_all(), 3 * 20'000U);
  EXPECT_GT(bytes_in_all(), 40'000U);
  for (const char* name : {"capf.log", "capf.log.1", "capf.log.2"}) {
    struct stat facts {};

    ASSERT_EQ(::stat((folder / name).c_str(), &facts), 0) << name;
    EXPECT_EQ(facts.st_mode & 0777U, 0640U) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "capf.log.3"));
  const std::string newest = text_in(file);
  EXPECT_NE(newest.find("EVENT_2999"), std::string::npos);
  EXPECT_NE(newest.find("said by somebody else"), std::string::npos);
}

TEST_F(LogFileTest, ProcessesThatShareItFollowEachOther) {
  logging_to(file, [this] {
    keep_log_within(file, {.bytes = 20'000, .older = 1});
    std::vector<pid_t> children;
    for (int child = 0; child < 3; ++child) {
      const pid_t pid = ::fork();
      if (pid != 0) {
        children.push_back(pid);
        continue;
      }
      for (int i = 0; i < 1000; ++i) {
        log(Level::notice, fmt::format("EVENT_{}_{}", child, i), {{"text", std::string(80, 'x')}});
      }
      ::_exit(0);
    }
    for (const pid_t pid : children) ::waitpid(pid, nullptr, 0);
    log(Level::notice, "LAST");
  });
  EXPECT_LE(bytes_in_all(), 2 * 20'000U + 3 * 200U);
  EXPECT_NE(text_in(file).find("LAST"), std::string::npos);
}

TEST_F(LogFileTest, BoundsWhatOthersWriteToStandardError) {
  logging_to(file, [this] {
    keep_log_within(file, {.bytes = 20'000, .older = 2});
    for (int second = 0; second < 5; ++second) {
      std::fputs("==1==ERROR: a sanitizer's first line\n", stderr);
      for (int i = 0; i < 5000; ++i) std::fputs("what a library has to say\n", stderr);
      std::fflush(stderr);
      keep_log_bounds();
    }
    log(Level::notice, "LAST");
  });
  EXPECT_LE(bytes_in_all(), 3 * 20'000U + 200U);
  EXPECT_NE(text_in(file).find("LAST"), std::string::npos);
  const std::string before = text_in(file.string() + ".1");
  EXPECT_EQ(before.find("==1==ERROR: a sanitizer's first line"), 0U) << "the beginning says most";
  EXPECT_NE(before.find("\nLOG_CUT bytes="), std::string::npos);
}

TEST_F(LogFileTest, LeavesAloneWhatIsNotStandardError) {
  const auto other = folder / "other.log";
  logging_to(file, [&] {
    keep_log_within(other, {.bytes = 100, .older = 1});
    for (int i = 0; i < 100; ++i) log(Level::notice, "EVENT", {{"text", std::string(80, 'x')}});
  });
  EXPECT_FALSE(std::filesystem::exists(file.string() + ".1"));
  EXPECT_GT(std::filesystem::file_size(file), 8000U);
}

TEST_F(LogFileTest, OnePeerCannotFillTheDisk) {
  logging_to(file, [] {
    for (int i = 0; i < 200'000; ++i) {
      log(Level::warning, "TFTP_REFUSED",
          {{"peer", fmt::format("10.0.0.1:{}", i % 60000)}, {"why", std::string(200, 'x')}});
    }
    log(Level::notice, "SOMETHING_ELSE");
    tell_repeated(Telling::everything);
  });
  EXPECT_LT(bytes_in_all(), 1'000'000U);
  const std::string text = text_in(file);
  EXPECT_NE(text.find("SOMETHING_ELSE"), std::string::npos);
  EXPECT_NE(text.find("TFTP_REFUSED peer=10.0.0.1 note=\"repeated "), std::string::npos);
}

TEST_F(LogFileTest, SaysHowMuchAFullDiskCost) {
  const auto small = folder / "small";
  std::filesystem::create_directory(small);
  if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "not allowed to mount";
  }
  const auto on_small = small / "capf.log";
  logging_to(on_small, [&] {
    for (int i = 0; i < 1000; ++i) log(Level::notice, "EVENT", {{"text", std::string(200, 'x')}});
    if (::truncate(on_small.c_str(), 0) != 0) ::_exit(1);
    log(Level::notice, "ROOM_AGAIN");
  });
  const std::string text = text_in(on_small);
  ::umount(small.c_str());
  EXPECT_NE(text.find("ROOM_AGAIN"), std::string::npos);
  EXPECT_NE(text.find("LOG_LINES_LOST count="), std::string::npos) << text;
}

}  // namespace
}  // namespace ringfence::core

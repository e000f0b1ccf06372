// A test waits for an event, not for a time: who sleeps has a reason that is named here.

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::string> kReasons = {
    {"tests/support/eventually.h", "waits for an event that nobody announces"},
    {"tests/integration/faults/kill_test.cpp", "the moment of the kill is what is tested"},
    {"tests/integration/faults/sturdy_phone.cpp", "a phone's pause, as real ones make it"},
    {"tests/fleet/board.cpp", "a phone's screen, drawn a few times a second"},
};

/// sleeps_in counts the calls that only let time pass.
std::size_t sleeps_in(const std::string& text) {
  static const std::regex pattern("\\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\\(");
  return static_cast<std::size_t>(
      std::distance(std::sregex_iterator(text.begin(), text.end(), pattern), {}));
}

TEST(Sleep, StandsOnlyWhereItHasAReason) {
  const fs::path root = RINGFENCE_SOURCE_DIR;
  std::map<std::string, std::string> unused = kReasons;
  std::vector<std::string> found;
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root / "tests")) {
    if (entry.path().extension() != ".cpp" && entry.path().extension() != ".h") continue;
    const std::string name = fs::relative(entry.path(), root).string();
    if (name.starts_with("tests/bench/") || name == "tests/lint/sleep_test.cpp") continue;
    ++files;
    std::string text((std::istreambuf_iterator<char>(std::ifstream(entry.path()).rdbuf())), {});
    if (sleeps_in(text) == 0) continue;
    if (unused.erase(name) == 0) found.push_back(name);
  }
  EXPECT_GT(files, 200U);
  EXPECT_EQ(found, std::vector<std::string>{}) << "wait for the event (tests/support/eventually.h)";
  EXPECT_TRUE(unused.empty()) << unused.begin()->first << " sleeps no more: take its reason away";
}

TEST(Sleep, IsSeen) {
  EXPECT_EQ(sleeps_in("std::this_thread::sleep_for(50ms); ::usleep(10); sleep(1);"), 3U);
  EXPECT_EQ(sleeps_in("eventually([&] { return asleep(phone); });"), 0U);
}

}  // namespace

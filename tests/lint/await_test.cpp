// g++ 12 destroys some temporaries twice when they are made in the expression of a co_await: name
// it, then await it (asio #858, #1027). Three patterns that a reader's eye passes over.

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

std::vector<std::string> matches_of(const std::string& text, const std::string& name) {
  static const std::vector<std::regex> patterns = {
      std::regex("co_await[^;]*\\[[^\\];]*\\]\\s*(\\([^;)]*\\))?\\s*(mutable\\s*)?(->[^{;]*)?\\{"),
      std::regex("co_await[^;]*[(,]\\s*[A-Za-z_:]*\\{\\s*[^}\\s]"),
      std::regex("\\?[^;:\"]*co_await"),
  };
  std::vector<std::string> found;
  for (const std::regex& pattern : patterns)
    for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it)
      found.push_back(name + ": " + it->str());
  return found;
}

TEST(Await, NamesWhatItAwaits) {
  std::vector<std::string> found;
  const fs::path root = RINGFENCE_SOURCE_DIR;
  for (const char* room : {"core", "services", "tests/fleet"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".h") continue;
      std::stringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      for (std::string& match : matches_of(text.str(), fs::relative(entry.path(), root).string()))
        found.push_back(std::move(match));
    }
  }
  EXPECT_EQ(found, std::vector<std::string>{});
}

TEST(Await, SeesTheThreePatterns) {
  EXPECT_EQ(matches_of("co_await f([s] { go(); });", "x").size(), 1U);
  EXPECT_EQ(matches_of("co_await f(Request{name, 1});", "x").size(), 1U);
  EXPECT_EQ(matches_of("auto r = ok ? co_await f() : Reply();", "x").size(), 1U);
  EXPECT_EQ(matches_of("auto r = co_await f(work);", "x").size(), 0U);
}

}  // namespace

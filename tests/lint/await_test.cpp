// g++ 12 destroys some temporaries twice when they are made in the expression of a co_await: name
// it, then await it (asio #858, #1027). Three patterns that a reader's eye passes over.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

/// code_of takes comments away and what stands in quotes: neither awaits anything.
std::string code_of(std::string_view text) {
  std::string code;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    if (text.substr(at, 2) == "//") {
      end = std::min(text.find('\n', at), text.size());
    } else if (text.substr(at, 2) == "/*") {
      end = std::min(text.find("*/", at), text.size() - 2) + 2;
    } else if (text[at] == '"') {
      while (end < text.size() && text[end] != '"' && text[end] != '\n')
        end += text[end] == '\\' ? 2U : 1U;
      end = std::min(end + 1, text.size());
    } else if (at + 2 < text.size() && text[at] == '\'' && text[at + 2] == '\'') {
      end = at + 3;  // one character, a quote or a question mark perhaps
    } else {
      code += text[at];
    }
    at = end;
  }
  return code;
}

std::vector<std::string> matches_of(const std::string& source, const std::string& name) {
  const std::string text = code_of(source);
  static const std::vector<std::regex> patterns = {
      std::regex("co_await[^;]*\\[[^\\];]*\\]\\s*(\\([^;)]*\\))?\\s*(mutable\\s*)?(->[^{;]*)?\\{"),
      std::regex("co_await[^;]*[(,]\\s*[A-Za-z_:]*\\{\\s*[^}\\s]"),
      std::regex("\\?[^;{}]*co_await"),
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
  EXPECT_EQ(matches_of("auto r = ok ? Reply() : co_await f();", "x").size(), 1U);
  EXPECT_EQ(matches_of("auto r = ok ? net::Reply(co_await f()) : Reply();", "x").size(), 1U);
  EXPECT_EQ(matches_of("auto r = co_await f(work);", "x").size(), 0U);
  EXPECT_EQ(matches_of("find('\"'); auto r = ok ? co_await f() : Reply();", "x").size(), 1U);
  EXPECT_EQ(matches_of("// what now?\nco_await f();", "x").size(), 0U);
  EXPECT_EQ(matches_of("log(\"what?\"); co_await f();", "x").size(), 0U);
}

}  // namespace

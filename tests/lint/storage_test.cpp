// What only core/storage may know: which database is behind it, and what it is reached through.
#include <filesystem>
#include <fstream>
#include <functional>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

/// lines_with returns where a source of ours outside core/storage has what `pattern` finds,
/// comments included; of the files that `looked_at` takes.
std::vector<std::string> lines_with(const std::regex& pattern,
                                    const std::function<bool(const std::string&)>& looked_at) {
  std::vector<std::string> found;
  const fs::path root = RINGFENCE_SOURCE_DIR;
  for (const char* room : {"hsm", "core", "services", "shell"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
      const std::string path = fs::relative(entry.path(), root).string();
      if (!looked_at(path)) continue;
      std::ifstream file(entry.path());
      std::size_t number = 0;
      for (std::string line; std::getline(file, line);) {
        ++number;
        if (std::regex_search(line, pattern))
          found.push_back(path + ":" + std::to_string(number) + ": " + line);
      }
    }
  }
  return found;
}

bool is_header(const std::string& path) {
  return path.ends_with(".h");
}

bool is_source(const std::string& path) {
  return is_header(path) || path.ends_with(".cpp");
}

const std::vector<std::string> kNone;

TEST(Storage, NobodyElseKnowsWhichDatabaseIsBehindIt) {
  const std::regex dialect(
      "sqlite|pragma +(?!once)|data_version|insert or (replace|ignore)|limit "
      "-1|\\browid\\b|autoincrement"
      "|\\binstr\\(|begin immediate",
      std::regex::icase);
  EXPECT_EQ(lines_with(dialect,
                       [](const std::string& path) {
                         return is_source(path) && !path.starts_with("core/storage/");
                       }),
            kNone);
}

TEST(Storage, AuthenticationStringsAreTheBusinessOfAdminAndCapfAlone) {
  EXPECT_EQ(lines_with(std::regex("secrets_db|Schema::secrets|PhoneSecrets|JobSecrets"),
                       [](const std::string& path) {
                         return is_source(path) && !path.starts_with("core/") &&
                                !path.starts_with("services/admin/") &&
                                !path.starts_with("services/capf/");
                       }),
            kNone);
}

TEST(Storage, NoHeaderIncludesSociButTheOneForStores) {
  EXPECT_EQ(lines_with(std::regex("#include.*(<soci/|storage/rows\\.h)"),
                       [](const std::string& path) {
                         return is_header(path) && path != "core/storage/rows.h";
                       }),
            kNone);
}

TEST(Storage, RowsAreTheBusinessOfCoreAlone) {
  EXPECT_EQ(lines_with(std::regex("soci/|storage/rows\\.h|soci::(into|use)"),
                       [](const std::string& path) {
                         return is_source(path) && !path.starts_with("core/");
                       }),
            kNone);
}

}  // namespace

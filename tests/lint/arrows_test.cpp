// The walls of the house: every #include against the arrows that are allowed.

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

struct Include {
  std::string file;  // from the root, "core/trust/itl.cpp"
  std::string path;  // as written between quotes
};

bool is_source(const fs::path& path) {
  return path.extension() == ".h" || path.extension() == ".cpp";
}

const std::vector<Include>& includes() {
  static const std::vector<Include> all = [] {
    std::vector<Include> found;
    const fs::path root = RINGFENCE_SOURCE_DIR;
    const std::regex pattern("^\\s*#\\s*include\\s*[\"<]([^\">]+)[\">]");
    for (const char* room : {"hsm", "core", "services", "shell", "appliance"}) {
      for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
        if (!is_source(entry.path())) continue;
        std::ifstream file(entry.path());
        std::smatch match;
        for (std::string line; std::getline(file, line);)
          if (std::regex_search(line, match, pattern))
            found.push_back({fs::relative(entry.path(), root).string(), match[1]});
      }
    }
    return found;
  }();
  return all;
}

bool below(const std::string& path, const std::string& folder) {
  return path.rfind(folder + "/", 0) == 0;
}

std::vector<std::string> wrong(const std::string& from,
                               const std::function<bool(const Include&)>& forbidden) {
  std::vector<std::string> found;
  for (const Include& one : includes())
    if (below(one.file, from) && forbidden(one))
      found.push_back(one.file + " includes " + one.path);
  return found;
}

bool is_ours(const Include& one) {
  for (const char* room : {"hsm", "core", "services", "shell", "appliance", "tests"})
    if (below(one.path, room)) return true;
  return false;
}

const std::vector<std::string> kNone;

TEST(Arrows, FindsTheSourcesAtAll) {
  EXPECT_GT(includes().size(), 300U);
}

TEST(Arrows, HsmKnowsTheGroundFloorAlone) {
  EXPECT_EQ(wrong("hsm",
                  [](const Include& one) {
                    return is_ours(one) && !below(one.path, "hsm") &&
                           !below(one.path, "core/base");
                  }),
            kNone);
}

TEST(Arrows, CoreKnowsOnlyHsm) {
  EXPECT_EQ(wrong("core",
                  [](const Include& one) {
                    return is_ours(one) && !below(one.path, "core") && !below(one.path, "hsm");
                  }),
            kNone);
}

TEST(Arrows, AServiceKnowsCoreAndItself) {
  for (const char* name : {"admin", "capf", "tvs", "tftp", "callmanager"}) {
    const std::string folder = std::string("services/") + name;
    EXPECT_EQ(wrong(folder,
                    [&](const Include& one) {
                      return is_ours(one) && !below(one.path, "core") && !below(one.path, folder);
                    }),
              kNone);
  }
}

TEST(Arrows, TheShellKnowsCoreBaseAndCoreAdmin) {
  EXPECT_EQ(wrong("shell",
                  [](const Include& one) {
                    return is_ours(one) && !below(one.path, "shell") &&
                           !below(one.path, "core/base") && !below(one.path, "core/admin");
                  }),
            kNone);
}

TEST(Arrows, RoomsOfCoreKnowOnlyTheRoomsBelowThem) {
  const std::map<std::string, std::set<std::string>> allowed = {
      {"base", {}},
      {"crypto", {"base"}},
      {"storage", {"base"}},
      {"net", {"base", "crypto"}},
      {"config", {"base", "crypto", "certificates"}},
      {"certificates", {"base", "crypto", "storage"}},
      {"trust", {"base", "crypto", "storage", "config", "certificates"}},
      {"phones", {"base", "crypto", "storage", "config", "certificates"}},
      {"audit", {"base", "crypto", "storage"}},
      {"plans", {"base", "crypto", "storage", "certificates", "trust", "phones"}},
      {"admin", {"base", "net", "plans"}},
  };
  for (const auto& [room, below_it] : allowed) {
    const std::set<std::string>& permitted = below_it;
    const std::string self = room;
    EXPECT_EQ(wrong("core/" + room,
                    [&](const Include& one) {
                      if (!below(one.path, "core")) return false;
                      const std::string target = one.path.substr(5, one.path.find('/', 5) - 5);
                      return target != self && !permitted.contains(target);
                    }),
              kNone);
  }
}

TEST(Arrows, OnlyCoreNetIncludesAsioHeaders) {
  std::vector<std::string> found;
  for (const Include& one : includes())
    if (below(one.path, "boost/asio") && one.file != "core/net/asio.h")
      found.push_back(one.file + " includes " + one.path);
  EXPECT_EQ(found, kNone);
}

TEST(Arrows, OnlyHsmIncludesThePkcs11Header) {
  std::vector<std::string> found;
  for (const Include& one : includes())
    if (one.path == "p11-kit/pkcs11.h" && one.file != "hsm/pkcs11.h")
      found.push_back(one.file + " includes " + one.path);
  EXPECT_EQ(found, kNone);
}

TEST(Layout, HasTheFixedTopLevelAndNothingElse) {
  const std::set<std::string> fixed = {
      "CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", "shell", "core", "hsm",
      "services",       "appliance",         "tests",     "build"};
  std::vector<std::string> extra;
  for (const auto& entry : fs::directory_iterator(RINGFENCE_SOURCE_DIR)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with('.') && !fixed.contains(name)) extra.push_back(name);
  }
  EXPECT_EQ(extra, kNone);
}

}  // namespace

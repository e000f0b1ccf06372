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

/// services are the folders of services/, one a daemon.
std::vector<std::string> services() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(RINGFENCE_SOURCE_DIR) / "services"))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  return names;
}

/// names_in returns where files below `folder` name something `forbidden`, comments included: a
/// name of another room is an arrow to it, whatever was included.
std::vector<std::string> names_in(const std::string& folder, const std::string& forbidden) {
  std::vector<std::string> found;
  const fs::path root = RINGFENCE_SOURCE_DIR;
  const std::regex pattern(forbidden);
  for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
    if (!is_source(entry.path())) continue;
    std::ifstream file(entry.path());
    std::smatch match;
    for (std::string line; std::getline(file, line);)
      if (std::regex_search(line, match, pattern))
        found.push_back(fs::relative(entry.path(), root).string() + " names " + match.str());
  }
  return found;
}

const std::vector<std::string> kNone;

TEST(Arrows, FindsTheSourcesAtAll) {
  EXPECT_GT(includes().size(), 300U);
  EXPECT_EQ(services().size(), 5U);
}

TEST(Arrows, NoRoomNamesWhatItMayNotKnow) {
  EXPECT_EQ(names_in("hsm", "\\b(ringfence::|namespace )?(core::(?!base)|services|shell)::"),
            kNone);
  EXPECT_EQ(names_in("core", "\\b(services|shell)::"), kNone);
  EXPECT_EQ(names_in("shell", "\\b(hsm|services)::"), kNone);
  EXPECT_EQ(names_in("services", "\\b(hsm|shell)::"), kNone);
  for (const std::string& name : services())
    EXPECT_EQ(names_in("services/" + name, "\\bservices::(?!" + name + "\\b)"), kNone);
}

TEST(Arrows, HsmKnowsTheGroundFloorAlone) {
  EXPECT_EQ(wrong("hsm",
                  [](const Include& one) {
                    return is_ours(one) && !below(one.path, "hsm") && !below(one.path, "core/base");
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
  for (const std::string& name : services()) {
    const std::string folder = "services/" + name;
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

TEST(Arrows, RoomsOfAdminKnowOnlyTheRoomsBelowThem) {
  const std::string admin = "services/admin/";
  const std::vector<std::string> rooms = {"node", "trust", "capf", "jobs", "api"};
  const auto room_of = [&](const std::string& path) {
    const std::string rest = path.substr(admin.size());
    return rest.find('/') == rest.npos ? std::string() : rest.substr(0, rest.find('/'));
  };
  std::set<std::string> permitted;
  for (const std::string& room : rooms) {
    permitted.insert(room);
    EXPECT_EQ(wrong(admin + room,
                    [&](const Include& one) {
                      // It makes the ledger for those who still take a House.
                      if (one.file == admin + "node/house.cpp" &&
                          one.path == admin + "trust/trust_ledger.h")
                        return false;
                      return below(one.path, "services/admin") &&
                             !permitted.contains(room_of(one.path));
                    }),
              kNone);
  }
}

/// What takes a House could use everything; who takes stores says so where it is declared.
TEST(Arrows, NoNounOfTrustTakesAHouse) {
  EXPECT_EQ(names_in("services/admin/trust", "\\bHouse\\b"), kNone);
}

TEST(Arrows, OnlyCoreNetIncludesAsioHeaders) {
  std::vector<std::string> found;
  for (const Include& one : includes())
    if (below(one.path, "boost/asio") && !one.file.starts_with("core/net/asio."))
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

#include "core/base/leftovers.h"

#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "core/base/file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

namespace fs = std::filesystem;

TEST(Leftovers, AreThoseThatWriteAtomicallyMakesOfThatFile) {
  const test::TemporaryFolder folder;
  for (const char* name : {"list.aB3xY9", "list.000000", "list", "list.12345", "list.1234567",
                           "list.12345-", "other.aB3xY9", "list.good.aB3xY9"})
    write_atomically(folder / name, bytes_of("x"));
  fs::create_directory(folder / "list.folder");
  fs::create_symlink("list", folder / "list.linked");
  remove_leftovers(folder / "list");
  std::set<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder.path()))
    left.insert(entry.path().filename().string());
  EXPECT_EQ(left, (std::set<std::string>{"list", "list.12345", "list.1234567", "list.12345-",
                                         "other.aB3xY9", "list.good.aB3xY9", "list.folder",
                                         "list.linked"}));
  remove_leftovers(folder / "no such folder" / "list");  // nothing happens
}

}  // namespace
}  // namespace ringfence::core

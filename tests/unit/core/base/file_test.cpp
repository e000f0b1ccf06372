#include "core/base/file.h"

#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/failing_sync.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

TEST(File, WritesAtomicallyWithTheModeAsked) {
  const test::TemporaryFolder folder;
  write_atomically(folder / "pin", bytes_of("1"), 0600);
  write_atomically(folder / "pin", bytes_of("22"), 0600);
  EXPECT_EQ(text_of(read_file(folder / "pin", 10)), "22");

  struct stat status {};

  ASSERT_EQ(::stat((folder / "pin").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  std::size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path()))
    ++entries;
  EXPECT_EQ(entries, 1U) << "a temporary file was left";
}

TEST(File, SaysWhenItsFolderCannotBeSynced) {
  const test::TemporaryFolder folder;
  write_atomically(folder / "list", bytes_of("old"));
  const test::FailingSync disk([&](const std::string& path) { return path == folder.path(); });
  const auto code_of = [](const auto& work) -> std::optional<Code> {
    try {
      work();
    } catch (const Error& error) {
      return error.code();
    }
    return std::nullopt;
  };
  EXPECT_EQ(code_of([&] { write_atomically(folder / "list", bytes_of("new")); }), Code::io);
  EXPECT_EQ(code_of([&] { sync_folder(folder.path()); }), Code::io);
  EXPECT_EQ(text_of(read_file(folder / "list", 10)), "new");
}

TEST(File, SaysWhenAFileCannotBeSyncedAndKeepsTheOldOne) {
  const test::TemporaryFolder folder;
  write_atomically(folder / "list", bytes_of("old"));
  const test::FailingSync disk([&](const std::string& path) { return path != folder.path(); });
  EXPECT_THROW(write_atomically(folder / "list", bytes_of("new")), Error);
  EXPECT_EQ(text_of(read_file(folder / "list", 10)), "old");
}

TEST(File, RefusesMoreThanItsBound) {
  const test::TemporaryFolder folder;
  write_atomically(folder / "big", Bytes(11));
  try {
    read_file(folder / "big", 10);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::malformed);
  }
}

TEST(File, SaysNotFoundForAMissingFile) {
  const test::TemporaryFolder folder;
  try {
    read_file(folder / "none", 10);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::not_found);
  }
}

TEST(Lock, IsHeldOnceAndFreeAgainAfterwards) {
  const test::TemporaryFolder folder;
  {
    const auto first = lock_file(folder / "lock");
    ASSERT_TRUE(first.has_value());
    EXPECT_FALSE(lock_file(folder / "lock").has_value());
  }
  EXPECT_TRUE(lock_file(folder / "lock").has_value());
}

}  // namespace
}  // namespace ringfence::core

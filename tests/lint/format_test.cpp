// The whole tree as .clang-format has it: `cmake --build build/dev --target format` puts it right.

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/command.h"

namespace {

namespace fs = std::filesystem;

TEST(Format, IsThatOfTheProfile) {
  const fs::path root = RINGFENCE_SOURCE_DIR;
  std::vector<std::string> command = {"clang-format-14", "--dry-run", "-Werror"};
  for (const char* room : {"hsm", "core", "services", "shell", "tests"})
    for (const auto& entry : fs::recursive_directory_iterator(root / room))
      if (entry.path().extension() == ".cpp" || entry.path().extension() == ".h")
        command.push_back(entry.path().string());
  ASSERT_GT(command.size(), 500U);
  const ringfence::test::Result result = ringfence::test::run(command);
  EXPECT_EQ(result.status, 0) << result.err.substr(0, 4000);
}

}  // namespace

// Files that commands write: never in the place of another unless that was asked for.
#include "shell/output_file.h"

#include <sys/stat.h>

#include <gmock/gmock.h>

#include "core/base/error.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::shell {
namespace {

using testing::HasSubstr;

class OutputFileTest : public testing::Test {
 protected:
  static std::string text_of(const std::filesystem::path& path) {
    return core::text_of(core::read_file(path, 4096));
  }

  std::string refusal(const std::string& path, Overwrite overwrite = Overwrite::no) {
    try {
      OutputFile(path, overwrite, 0600).finish("new");
    } catch (const core::Error& error) {
      return error.what();
    }
    return "written";
  }

  std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator(folder_.path()), {});
  }

  ::ringfence::test::TemporaryFolder folder_;
  const std::string path_ = folder_ / "report.csv";
};

TEST_F(OutputFileTest, IsThereWholeAndForItsOwner) {
  {
    OutputFile file(path_, Overwrite::no, 0600);
    EXPECT_FALSE(std::filesystem::exists(path_));
    file.finish("all of it");
  }
  EXPECT_EQ(text_of(path_), "all of it");

  struct stat status {};

  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileTest, NeverTakesThePlaceOfAnotherUnasked) {
  core::write_atomically(path_, core::bytes_of("precious"));
  EXPECT_EQ(refusal(path_),
            path_ + " exists already; name another file, or add 'overwrite' to replace it");
  EXPECT_EQ(text_of(path_), "precious");
  EXPECT_EQ(files(), 1);
  EXPECT_EQ(refusal(path_, Overwrite::yes), "written");
  EXPECT_EQ(text_of(path_), "new");
}

TEST_F(OutputFileTest, KeepsWhatCameIntoThePlaceMeanwhile) {
  OutputFile file(path_, Overwrite::no, 0600);
  core::write_atomically(path_, core::bytes_of("precious"));
  EXPECT_THROW(file.finish("new"), core::Error);
  EXPECT_EQ(text_of(path_), "precious");
}

TEST_F(OutputFileTest, LeavesNothingWhenTheCommandFails) {
  { const OutputFile file(path_, Overwrite::no, 0600); }
  EXPECT_EQ(files(), 0);
}

TEST_F(OutputFileTest, RefusesADanglingLinkAsItWouldAFile) {
  std::filesystem::create_symlink(folder_ / "elsewhere", path_);
  EXPECT_THAT(refusal(path_), HasSubstr("exists already"));
}

TEST_F(OutputFileTest, SaysWhereThereIsNoPlace) {
  EXPECT_THAT(refusal("/nonexistent/x"), HasSubstr("/nonexistent/x cannot be written: No such"));
  EXPECT_THAT(refusal(folder_.path()), HasSubstr("cannot be written: Is a directory"));
}

TEST_F(OutputFileTest, WritesADeviceAsItIs) {
  EXPECT_EQ(refusal("/dev/null"), "written");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

}  // namespace
}  // namespace ringfence::shell

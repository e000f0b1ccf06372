#include "services/admin/capf/offline_archive.h"

#include <fcntl.h>

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::services::admin {
namespace {

using core::Bytes;
using core::Error;
using testing::HasSubstr;

class ArchiveTest : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }

  /// tar packs `words` in the folder; returns the archive's path.
  std::string tar(const std::string& words) const {
    const std::string path = (folder_ / "a.tgz").string();
    const test::Result made = test::run(
        {"sh", "-c", "cd " + folder_.path().string() + " && tar czf " + path + " " + words});
    EXPECT_EQ(made.status, 0) << made.err;
    return path;
  }

  static std::vector<ArchivedFile> read(const std::string& path, const ArchiveLimits& limits = {}) {
    const core::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ArchiveReader reader(file, limits);
    std::vector<ArchivedFile> files;
    while (auto one = reader.next()) files.push_back(std::move(*one));
    return files;
  }

  static std::string refusal(const std::string& path, const ArchiveLimits& limits = {}) {
    try {
      read(path, limits);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  test::TemporaryFolder folder_;
};

TEST_F(ArchiveTest, ReadsPlainFilesByTheLastPartOfTheirPath) {
  std::filesystem::create_directory(folder_ / "in");
  put("in/SEP1.der", "one");
  put("SEP2.der", "");
  const auto files = read(tar("in SEP2.der"));
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].name, "SEP1.der");
  EXPECT_EQ(core::text_of(files[0].bytes), "one");
  EXPECT_EQ(files[1].name, "SEP2.der");
  EXPECT_TRUE(files[1].bytes.empty());
}

TEST_F(ArchiveTest, NamesCannotLeaveTheirFolderOrATerminal) {
  put("x", "1");
  const auto climbing = read(tar("-P --transform 's,x,../../etc/passwd,' x"));
  ASSERT_EQ(climbing.size(), 1U);
  EXPECT_EQ(climbing[0].name, "passwd");
  const auto escaping = read(tar("--transform 's,x,a\x1b[2J\xff.der,' x"));
  ASSERT_EQ(escaping.size(), 1U);
  EXPECT_THAT(escaping[0].name, testing::MatchesRegex("[ -~]+"));
}

TEST_F(ArchiveTest, RefusesLinks) {
  put("x.der", "1");
  std::filesystem::create_symlink("/etc/passwd", folder_ / "link.der");
  EXPECT_EQ(refusal(tar("link.der")), "'link.der' in the archive is not a plain file");
  std::filesystem::create_hard_link(folder_ / "x.der", folder_ / "y.der");
  EXPECT_EQ(refusal(tar("x.der y.der")), "'y.der' in the archive is not a plain file");
  ASSERT_EQ(test::run({"mkfifo", (folder_ / "fifo.der").string()}).status, 0);
  EXPECT_THAT(refusal(tar("fifo.der")), HasSubstr("is not a plain file"));
}

TEST_F(ArchiveTest, RefusesAFileThatIsTooLargeForACertificate) {
  put("bomb.der", "");
  std::filesystem::resize_file(folder_ / "bomb.der", 1 << 24);
  EXPECT_THAT(refusal(tar("bomb.der")), HasSubstr("has 16777216 bytes"));
  EXPECT_THAT(refusal(tar("--sparse bomb.der")), HasSubstr("in the archive"));
}

TEST_F(ArchiveTest, RefusesMoreThanItsLimits) {
  std::string names;
  for (int i = 0; i < 20; ++i) {
    put(std::to_string(i) + ".der", std::string(2000, 'x'));
    names += " " + std::to_string(i) + ".der";
  }
  const std::string path = tar(names);
  EXPECT_EQ(read(path).size(), 20U);
  EXPECT_EQ(refusal(path, {.entries = 19}), "the archive has more than 19 entries");
  EXPECT_THAT(refusal(path, {.total_bytes = 20'000}), HasSubstr("unpacks to more than"));
}

TEST_F(ArchiveTest, RefusesWhatIsNoTgzOrIsCutOff) {
  put("garbage.tgz", std::string(4000, 'g'));
  EXPECT_THAT(refusal((folder_ / "garbage.tgz").string()), HasSubstr("it is not a .tgz"));
  put("empty.tgz", "");
  EXPECT_THAT(refusal((folder_ / "empty.tgz").string()), HasSubstr("it is not a .tgz"));
  std::string noise;
  for (unsigned i = 0; i < 60'000; ++i) noise += static_cast<char>(i * 2654435761U >> 13);
  put("a.der", noise);
  const std::string path = tar("a.der");
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_THAT(refusal(path), HasSubstr("damaged"));
}

TEST_F(ArchiveTest, WritesWhatTarReadsWhileItGrows) {
  ArchiveWriter writer;
  const core::Time when = core::from_seconds(1479761383);
  Bytes all;
  for (int i = 0; i < 300; ++i) {
    writer.add("SEP" + std::to_string(i) + ".csr", "request " + std::to_string(i), when);
    const Bytes part = writer.take();
    all.insert(all.end(), part.begin(), part.end());
  }
  writer.finish();
  const Bytes last = writer.take();
  all.insert(all.end(), last.begin(), last.end());
  core::write_atomically(folder_ / "w.tgz", all);
  const test::Result listed = test::run({"tar", "tzf", (folder_ / "w.tgz").string()});
  EXPECT_EQ(listed.status, 0) << listed.err;
  EXPECT_THAT(listed.out, HasSubstr("SEP299.csr\n"));
  const auto files = read((folder_ / "w.tgz").string());
  ASSERT_EQ(files.size(), 300U);
  EXPECT_EQ(core::text_of(files[7].bytes), "request 7");
}

}  // namespace
}  // namespace ringfence::services::admin

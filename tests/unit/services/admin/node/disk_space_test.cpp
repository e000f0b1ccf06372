// What is said of a disk that fills up.
#include "services/admin/node/disk_space.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringfence::services::admin {
namespace {

TEST(DiskSpace, SaysThatADiskIsNearlyFullAndFull) {
  std::string folder = testing::TempDir() + "disk_space.XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  EXPECT_EQ(disk_warning(folder + "/nothing"), std::nullopt);
  if (::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=40m") != 0) {
    ::rmdir(folder.c_str());
    GTEST_SKIP() << "not allowed to mount";
  }
  const auto fill = [&folder](off_t bytes) {
    const int fd = ::open((folder + "/fill").c_str(), O_WRONLY | O_CREAT, 0600);
    EXPECT_EQ(::posix_fallocate(fd, 0, bytes), 0);
    ::close(fd);
    return disk_warning(folder).value_or("");
  };
  EXPECT_EQ(fill(1 << 20), "");
  EXPECT_THAT(fill(39 << 20), testing::HasSubstr("is nearly full (1024 KB free)"));
  EXPECT_THAT(fill((39 << 20) + (900 << 10)),
              testing::HasSubstr(folder + " is full (124 KB free)"));
  ::umount(folder.c_str());
  ::rmdir(folder.c_str());
}

}  // namespace
}  // namespace ringfence::services::admin

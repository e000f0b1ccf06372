// fsync and fdatasync of the program's own come before the C library's, also for SQLite.
#include "tests/support/failing_sync.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <utility>

namespace ringfence::test {
namespace {

std::mutex mutex;
FailingSync::Fails failing;  // guarded by mutex

int sync(int fd, long call) {
  {
    const std::lock_guard lock(mutex);
    std::error_code none;
    if (failing &&
        failing(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), none))) {
      errno = EIO;
      return -1;
    }
  }
  return static_cast<int>(::syscall(call, fd));
}

}  // namespace

FailingSync::FailingSync(Fails fails) {
  const std::lock_guard lock(mutex);
  failing = std::move(fails);
}

FailingSync::~FailingSync() {
  const std::lock_guard lock(mutex);
  failing = nullptr;
}

}  // namespace ringfence::test

extern "C" int fsync(int fd) {
  return ringfence::test::sync(fd, SYS_fsync);
}

extern "C" int fdatasync(int fd) {
  return ringfence::test::sync(fd, SYS_fdatasync);
}

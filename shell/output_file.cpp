// A file that a command writes because it was asked to.
#include "shell/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::shell {
namespace {

[[noreturn]] void refuse(const std::string& path, int error) {
  throw core::Error(core::Code::io,
                    fmt::format("{} cannot be written: {}", path, std::strerror(error)));
}

[[noreturn]] void refuse_existing(const std::string& path) {
  throw core::Error(
      core::Code::conflict,
      fmt::format("{} exists already; name another file, or add 'overwrite' to replace it", path));
}

/// written_in_place says whether a path is a device or a pipe, as /dev/stdout may be.
bool written_in_place(const std::string& path, const struct stat& status) {
  return S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode) || path.starts_with("/dev/");
}

}  // namespace

OutputFile::OutputFile(std::string path, Overwrite overwrite, mode_t mode)
    : path_(std::move(path)), overwrite_(overwrite) {
  struct stat status {};

  const bool exists = ::stat(path_.c_str(), &status) == 0;
  if (exists && written_in_place(path_, status)) {
    fd_ = core::Fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (!fd_) refuse(path_, errno);
    return;
  }
  if (exists && S_ISDIR(status.st_mode)) refuse(path_, EISDIR);
  if (overwrite_ == Overwrite::no && ::lstat(path_.c_str(), &status) == 0) refuse_existing(path_);
  beside_ = fmt::format("{}.{}.part", path_, ::getpid());
  fd_ = core::Fd(::open(beside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (fd_) return;
  const int error = errno;
  beside_.clear();  // it is not ours to take away
  refuse(path_, error);
}

OutputFile::~OutputFile() {
  if (!beside_.empty()) ::unlink(beside_.c_str());
}

void OutputFile::finish(std::string_view bytes) {
  write(bytes);
  if (beside_.empty()) return;
  if (::fsync(fd_.get()) != 0) refuse(path_, errno);
  move();
  beside_.clear();
}

void OutputFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse(path_, errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

/// move does not replace what came into the place meanwhile. A file system that cannot promise that
/// can make a second name for the file, which fails in the same way.
void OutputFile::move() {
  const unsigned flags = overwrite_ == Overwrite::no ? RENAME_NOREPLACE : 0;
  int moved = ::renameat2(AT_FDCWD, beside_.c_str(), AT_FDCWD, path_.c_str(), flags);
  if (moved != 0 && errno == EINVAL && flags != 0) {
    moved = ::link(beside_.c_str(), path_.c_str());
    if (moved == 0) ::unlink(beside_.c_str());
  }
  if (moved == 0) return;
  if (errno == EEXIST) refuse_existing(path_);
  refuse(path_, errno);
}

}  // namespace ringfence::shell

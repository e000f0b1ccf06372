#include "core/base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "core/base/error.h"

namespace ringfence::core {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  const int error = errno;
  const Code code = error == ENOENT ? Code::not_found : Code::io;
  throw Error(code, path.string() + ": " + what + ": " + std::strerror(error));
}

void write_all(int fd, BytesView bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "cannot write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Bytes read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) fail(path, "cannot open");
  Bytes bytes;
  std::uint8_t buffer[16384];
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, "cannot read");
    if (count == 0) return bytes;
    bytes.insert(bytes.end(), buffer, buffer + count);
    if (bytes.size() > max_bytes)
      throw Error(Code::malformed,
                  path.string() + ": longer than " + std::to_string(max_bytes) + " bytes");
  }
}

void write_atomically(const std::filesystem::path& path, BytesView bytes, mode_t mode) {
  std::string temporary = path.string() + ".XXXXXX";
  const Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));  // created 0600
  if (!fd) fail(path, "cannot create a temporary file beside it");
  try {
    write_all(fd.get(), bytes, temporary);
    if (::fchmod(fd.get(), mode) != 0) fail(temporary, "cannot set the mode");
    if (::fsync(fd.get()) != 0) fail(temporary, "cannot sync");
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail(path, "cannot rename into place");
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder(folder_of(path));
}

void sync_folder(const std::filesystem::path& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) fail(folder, "cannot open the folder to sync it");
  // EINVAL: this file system has no such thing, so nothing can be lost for want of it.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) fail(folder, "cannot sync the folder");
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

std::optional<Fd> lock_file(const std::filesystem::path& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) fail(path, "cannot open");
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::nullopt;
    fail(path, "cannot lock");
  }
  // In place, and cut afterwards: a full disk has room for what a file has already.
  const std::string pid = std::to_string(::getpid()) + "\n";
  write_all(fd.get(), bytes_of(pid), path);
  if (::ftruncate(fd.get(), static_cast<off_t>(pid.size())) != 0) fail(path, "cannot truncate");
  return fd;
}

}  // namespace ringfence::core

#include "core/base/log_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "core/base/file.h"

namespace ringfence::core {
namespace {

bool same_file(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

}  // namespace

LogBounds log_share(std::uint64_t megabytes) noexcept {
  constexpr std::uint64_t kDaemons = 6;
  LogBounds bounds;
  bounds.bytes = megabytes * 1'000'000 / kDaemons / (static_cast<std::uint64_t>(bounds.older) + 1);
  return bounds;
}

LogFile::LogFile(std::filesystem::path file, LogBounds bounds)
    : file_(std::move(file)), bounds_(bounds), ours_(here()) {}

bool LogFile::make_room(std::size_t bytes) noexcept {
  if (!ours_) return true;
  try {
    struct stat open {};

    if (::fstat(STDERR_FILENO, &open) != 0) return true;
    const std::uint64_t size = static_cast<std::uint64_t>(open.st_size) + bytes;
    if (size <= bounds_.bytes && here()) return true;

    const Fd folder(::open(file_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::flock(folder.get(), LOCK_EX) != 0) return size <= 2 * bounds_.bytes;
    if (here()) {  // else another process was faster
      shift();
      if (size > 2 * bounds_.bytes) cut(size);
    }
    return reopen(open.st_mode & 0777U) || size <= 2 * bounds_.bytes;
  } catch (const std::exception&) {
    return true;  // no memory for a path: the line is worth more than the bound
  }
}

void LogFile::rotate_if_full() noexcept {
  try {
    struct stat named {};

    if (::lstat(file_.c_str(), &named) != 0 || !S_ISREG(named.st_mode)) return;
    const auto size = static_cast<std::uint64_t>(named.st_size);
    if (size < bounds_.bytes) return;
    shift();
    if (size > 2 * bounds_.bytes) cut(size);
  } catch (const std::exception&) {
    return;  // it is rotated another time
  }
}

/// here tells whether standard error goes to the file that has the name now.
bool LogFile::here() const noexcept {
  struct stat open {};

  struct stat named {};

  return ::fstat(STDERR_FILENO, &open) == 0 && ::lstat(file_.c_str(), &named) == 0 &&
         S_ISREG(named.st_mode) && same_file(open, named);
}

void LogFile::shift() noexcept {
  ::unlink(older(bounds_.older).c_str());
  for (int generation = bounds_.older - 1; generation >= 1; --generation) {
    ::rename(older(generation).c_str(), older(generation + 1).c_str());
  }
  ::rename(file_.c_str(), older(1).c_str());
}

void LogFile::cut(std::uint64_t size) {
  const Fd old(::open(older(1).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  if (!old || ::ftruncate(old.get(), static_cast<off_t>(bounds_.bytes)) != 0) return;
  const std::string note = "\nLOG_CUT bytes=" + std::to_string(size - bounds_.bytes) + "\n";
  if (::write(old.get(), note.data(), note.size()) < 0)
    return;  // a full disk: it is cut all the same
}

bool LogFile::reopen(unsigned mode) noexcept {
  struct stat before {};

  struct stat output {};

  ::fstat(STDERR_FILENO, &before);
  const bool output_too = ::fstat(STDOUT_FILENO, &output) == 0 && same_file(before, output);
  const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
  const Fd file(::open(file_.c_str(), flags, mode));
  if (!file || ::fchmod(file.get(), mode) != 0) return false;
  if (output_too) ::dup2(file.get(), STDOUT_FILENO);
  return ::dup2(file.get(), STDERR_FILENO) >= 0;
}

std::filesystem::path LogFile::older(int generation) const {
  return file_.string() + "." + std::to_string(generation);
}

}  // namespace ringfence::core

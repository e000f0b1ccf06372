#include "hsm/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "hsm/error.h"
#include "hsm/fd.h"

namespace ringfence::hsm {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  throw Error(Kind::unavailable,
              fmt::format("{}: {}: {}", path.string(), what, std::strerror(errno)));
}

}  // namespace

Bytes read_whole(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void replace_file(const std::filesystem::path& path, BytesView bytes) {
  const std::filesystem::path temporary = path.string() + ".new";
  std::filesystem::remove(temporary);
  const Fd fd(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) fail(temporary, "cannot create");
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(temporary, "cannot write");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  if (::fsync(fd.get()) != 0) fail(temporary, "cannot sync");
  if (::rename(temporary.c_str(), path.c_str()) != 0) fail(path, "cannot replace");
  sync_folder(path.parent_path());
}

void sync_folder(const std::filesystem::path& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) fail(folder, "cannot open the folder to sync it");
  // EINVAL: this file system has no such thing, so nothing can be lost for want of it.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) fail(folder, "cannot sync the folder");
}

}  // namespace ringfence::hsm

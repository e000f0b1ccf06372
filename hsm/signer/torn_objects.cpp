#include "hsm/signer/torn_objects.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "hsm/error.h"
#include "hsm/files.h"
#include "hsm/signer/token_object.h"

namespace ringfence::hsm {
namespace {

namespace fs = std::filesystem;

constexpr off_t kMostBytes = 1 << 20;  // of a file that we judge; one of RSA 4096 has 4000

/// read_object returns nothing for a file that it did not see all of.
std::optional<Bytes> read_object(const fs::path& file) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));

  struct stat facts {};

  if (!fd || ::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
      facts.st_size > kMostBytes)
    return std::nullopt;
  Bytes bytes(static_cast<std::size_t>(facts.st_size));
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t count = ::read(fd.get(), bytes.data() + at, bytes.size() - at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    at += static_cast<std::size_t>(count);
  }
  return bytes;
}

std::vector<fs::path> torn_in(const fs::path& token) {
  std::vector<fs::path> torn;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(token, none)) {
    const fs::path& file = entry.path();
    if (file.extension() != ".object" || file.filename() == "token.object") continue;
    const std::optional<Bytes> bytes = read_object(file);
    if (bytes && !is_whole_object(*bytes)) torn.push_back(file);
  }
  std::ranges::sort(torn);
  return torn;
}

void move_file(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    throw Error(Kind::unavailable, fmt::format("{}: cannot move it to {}: {}", from.string(),
                                               to.string(), std::strerror(errno)));
}

/// set_aside moves the lock first: whenever the power fails, the object that is still there is
/// found torn again.
fs::path set_aside(const fs::path& object, const fs::path& folder) {
  fs::path lock = object;
  lock.replace_extension(".lock");
  if (fs::exists(lock)) move_file(lock, folder / lock.filename());
  move_file(object, folder / object.filename());
  return folder / object.filename();
}

}  // namespace

std::vector<fs::path> set_aside_torn_objects(const Config& config) {
  std::vector<fs::path> moved;
  if (!config.is_softhsm()) return moved;
  std::error_code none;
  for (const auto& token : fs::directory_iterator(config.folder() / "tokens", none)) {
    const std::vector<fs::path> torn = torn_in(token.path());
    if (torn.empty()) continue;
    const fs::path folder = config.folder() / "torn" / token.path().filename();
    make_folder(folder.parent_path());
    sync_folder(folder.parent_path().parent_path());
    make_folder(folder);
    sync_folder(folder.parent_path());
    for (const fs::path& object : torn) moved.push_back(set_aside(object, folder));
    sync_folder(folder);
    sync_folder(token.path());
  }
  return moved;
}

}  // namespace ringfence::hsm

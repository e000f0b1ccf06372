#include "hsm/signer/state_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "hsm/error.h"

namespace ringfence::hsm {
namespace {

namespace fs = std::filesystem;

enum class Links { followed, refused };

/// require_ours checks one path; false when nothing is there.
bool require_ours(const fs::path& path, Links links) {
  struct stat facts {};

  const int result =
      links == Links::followed ? ::stat(path.c_str(), &facts) : ::lstat(path.c_str(), &facts);
  if (result != 0 && errno == ENOENT) return false;
  const auto refuse = [&path](const std::string& why) {
    throw Error(Kind::refused, fmt::format("{} {}", path.string(), why));
  };
  if (result != 0) refuse(fmt::format("cannot be looked at: {}", std::strerror(errno)));
  if (S_ISLNK(facts.st_mode))
    refuse(
        "is a symbolic link, which is not followed inside a state folder: put the file or folder "
        "itself there");
  if (facts.st_uid != ::geteuid() && facts.st_uid != 0)
    refuse(
        fmt::format("belongs to user {} and this program runs as user {}: run it as the owner, or "
                    "chown {} {}",
                    facts.st_uid, ::geteuid(), ::geteuid(), path.string()));
  if (!S_ISSOCK(facts.st_mode) && (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    refuse(fmt::format("can be changed by other users: chmod go-w {}", path.string()));
  return true;
}

}  // namespace

void require_safe_state(const fs::path& state) {
  if (!require_ours(state, Links::followed)) return;
  for (const char* name : {"ringfence.toml", "run"}) require_ours(state / name, Links::refused);
  if (!require_ours(state / "hsm", Links::refused)) return;
  for (const auto& entry : fs::directory_iterator(state / "hsm"))
    require_ours(entry.path(), Links::refused);
}

}  // namespace ringfence::hsm

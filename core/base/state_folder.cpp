#include "core/base/state_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "core/base/error.h"

namespace ringfence::core {
namespace {

namespace fs = std::filesystem;

enum class Links { followed, refused };

/// require_ours checks one path; false when nothing is there.
bool require_ours(const fs::path& path, Links links) {
  struct stat facts {};

  const int result =
      links == Links::followed ? ::stat(path.c_str(), &facts) : ::lstat(path.c_str(), &facts);
  if (result != 0 && errno == ENOENT) return false;
  const std::string name = path.string();
  if (result != 0) throw Error(Code::io, name + ": " + std::strerror(errno));
  if (S_ISLNK(facts.st_mode))
    throw Error(Code::refused, name +
                                   " is a symbolic link, which is not followed inside a state "
                                   "folder: put the file or folder itself there");
  if (facts.st_uid != ::geteuid() && facts.st_uid != 0)
    throw Error(Code::refused, name + " belongs to user " + std::to_string(facts.st_uid) +
                                   " and this program runs as user " + std::to_string(::geteuid()) +
                                   ": run it as the owner, or chown " +
                                   std::to_string(::geteuid()) + " " + name);
  if (!S_ISSOCK(facts.st_mode) && (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    throw Error(Code::refused, name + " can be changed by other users: chmod go-w " + name);
  return true;
}

bool is_list(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with("ITLFile") || name.starts_with("CTLFile");
}

}  // namespace

void require_safe_state(const fs::path& state) {
  if (!require_ours(state, Links::followed)) return;
  for (const char* file : {"ringfence.toml", "lock"}) require_ours(state / file, Links::refused);
  for (const char* name : {"db", "log", "run", "tftp", "hsm"}) {
    const fs::path folder = state / name;
    if (!require_ours(folder, Links::refused)) continue;
    std::error_code unreadable;  // hsm is the signer's alone where each daemon is a user
    for (const auto& entry : fs::directory_iterator(folder, unreadable))
      if (folder.filename() != "tftp" || is_list(entry.path()))
        require_ours(entry.path(), Links::refused);
  }
}

}  // namespace ringfence::core

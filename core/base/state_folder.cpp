#include "core/base/state_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
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

void refuse(const std::string& why) {
  throw Error(Code::refused, why);
}

bool ours(const struct stat& facts) {
  return facts.st_uid == 0 || facts.st_uid == ::geteuid();
}

/// can_be_changed tells whether others may exchange what is in a folder. A group that only its user
/// is in, as many systems make one, is nobody else.
bool can_be_changed(const struct stat& facts) {
  if ((facts.st_mode & S_ISVTX) != 0) return false;
  const bool own_group = facts.st_gid == 0 || facts.st_gid == ::geteuid();
  return (facts.st_mode & (own_group ? S_IWOTH : S_IWGRP | S_IWOTH)) != 0;
}

/// check_link refuses a link that another user could lead elsewhere.
void check_link(const fs::path& link, const struct stat& facts) {
  if (!ours(facts))
    refuse(link.string() + " is a symbolic link of user " + std::to_string(facts.st_uid) +
           ", who could lead it elsewhere: name the folder itself");
}

/// check_above refuses a folder whose contents another user could exchange.
void check_above(const fs::path& folder, const struct stat& facts) {
  const std::string name = folder.string();
  if (!ours(facts))
    refuse(name + " belongs to user " + std::to_string(facts.st_uid) +
           ", who could exchange what is in it: keep the state where every folder above it is "
           "root's or yours");
  if (can_be_changed(facts))
    refuse(name + " can be changed by other users, who could exchange what is in it: chmod go-w " +
           name);
}

/// require_way checks each folder above `state`, and each link on the way to it.
void require_way(const fs::path& state) {
  constexpr int kMostLinks = 40;  // as the kernel's
  int links = 0;
  std::deque<fs::path> rest;
  const auto lead = [&rest](const fs::path& path) {
    const fs::path relative = path.relative_path();
    rest.insert(rest.begin(), relative.begin(), relative.end());
  };
  const auto stays = [](const fs::path& part) { return part.empty() || part == "."; };
  lead(fs::absolute(state));
  fs::path here = "/";
  while (!rest.empty()) {
    const fs::path part = rest.front();
    rest.pop_front();
    if (stays(part)) continue;
    if (part == "..") {
      here = here.parent_path();
      continue;
    }
    const fs::path next = here / part;

    struct stat facts {};

    if (::lstat(next.c_str(), &facts) != 0) return;  // to be made, or reported by who opens it
    if (S_ISLNK(facts.st_mode)) {
      check_link(next, facts);
      if (++links > kMostLinks)
        refuse(state.string() + " leads through too many symbolic links: name the folder itself");
      const fs::path target = fs::read_symlink(next);
      if (target.is_absolute()) here = "/";
      lead(target);
      continue;
    }
    if (std::all_of(rest.begin(), rest.end(), stays)) return;  // the folder itself
    check_above(next, facts);
    here = next;
  }
}

bool is_list(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with("ITLFile") || name.starts_with("CTLFile");
}

}  // namespace

void require_safe_state(const fs::path& state) {
  require_way(state);
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

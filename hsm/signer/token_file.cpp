#include "hsm/signer/token_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/base/leftovers.h"
#include "hsm/error.h"
#include "hsm/files.h"
#include "hsm/signer/token_object.h"

namespace ringfence::hsm {
namespace {

namespace fs = std::filesystem;

fs::path copies(const Config& config) {
  return config.folder() / "good";
}

fs::path token_file(const Config& config, const fs::path& uuid) {
  return config.folder() / "tokens" / uuid / "token.object";
}

bool is_whole(BytesView object, std::size_t least) {
  return object.size() >= least && is_whole_object(object);
}

void sync_file(const fs::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && errno == ENOENT) return;  // another process removed it meanwhile
  if (!fd || ::fsync(fd.get()) != 0)
    throw Error(Kind::unavailable,
                fmt::format("{}: cannot sync: {}", path.string(), std::strerror(errno)));
}

}  // namespace

void keep_token_files(const Config& config) {
  if (!config.is_softhsm()) return;
  const fs::path folder = copies(config);
  make_folder(folder);
  sync_folder(config.folder());
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(config.folder() / "tokens", none)) {
    const fs::path uuid = entry.path().filename();
    const Bytes now = read_whole(token_file(config, uuid));
    if (!now.empty() && now != read_whole(folder / uuid)) replace_file(folder / uuid, now);
  }
}

unsigned restore_token_files(const Config& config) {
  std::error_code none;
  unsigned restored = 0;
  if (!config.is_softhsm()) return restored;
  for (const auto& entry : fs::directory_iterator(copies(config), none)) {
    const fs::path file = token_file(config, entry.path().filename());
    const Bytes good = read_whole(entry.path());
    if (!fs::exists(file.parent_path()) || is_whole(read_whole(file), good.size())) continue;
    replace_file(file, good);
    ++restored;
  }
  return restored;
}

void remove_token_leftovers(const Config& config) {
  if (!config.is_softhsm()) return;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(config.folder() / "tokens", none)) {
    const fs::path uuid = entry.path().filename();
    core::remove_leftovers(token_file(config, uuid));
    core::remove_leftovers(copies(config) / uuid);
  }
}

void sync_token_files(const Config& config) {
  if (!config.is_softhsm()) return;
  const fs::path tokens = config.folder() / "tokens";
  std::error_code error;
  for (const auto& token : fs::directory_iterator(tokens, error)) {
    if (!token.is_directory()) continue;
    for (const auto& entry : fs::directory_iterator(token.path()))
      if (entry.symlink_status().type() == fs::file_type::regular) sync_file(entry.path());
    sync_folder(token.path());
  }
  if (error)
    throw Error(Kind::unavailable, fmt::format("{}: cannot read the folder to sync it: {}",
                                               tokens.string(), error.message()));
  sync_folder(tokens);
}

}  // namespace ringfence::hsm

#include "hsm/signer/token_file.h"

#include <sys/stat.h>

#include <cerrno>

#include "hsm/files.h"
#include "hsm/signer/epoll.h"

namespace ringfence::hsm {
namespace {

namespace fs = std::filesystem;

fs::path copies(const Config& config) {
  return config.folder() / "good";
}

fs::path token_file(const Config& config, const fs::path& uuid) {
  return config.folder() / "tokens" / uuid / "token.object";
}

}  // namespace

void keep_token_files(const Config& config) {
  if (!config.is_softhsm()) return;
  const fs::path folder = copies(config);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw system_error("cannot create " + folder.string());
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
    if (!fs::exists(file.parent_path()) || read_whole(file).size() >= good.size()) continue;
    replace_file(file, good);
    ++restored;
  }
  return restored;
}

}  // namespace ringfence::hsm

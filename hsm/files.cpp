#include "hsm/files.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/base/error.h"
#include "hsm/error.h"

namespace ringfence::hsm {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20;  // a token's file has some thousand

template <typename Work>
auto as_ours(Work work) {
  try {
    return work();
  } catch (const core::Error& error) {
    throw Error(Kind::unavailable, error.what());
  }
}

}  // namespace

Bytes read_whole(const std::filesystem::path& path) {
  try {
    return core::read_file(path, kMostBytes);
  } catch (const core::Error&) {
    return {};
  }
}

Bytes read_file(const std::filesystem::path& path) {
  return as_ours([&] { return core::read_file(path, kMostBytes); });
}

void replace_file(const std::filesystem::path& path, BytesView bytes) {
  as_ours([&] { core::write_atomically(path, bytes, 0600); });
}

void make_folder(const std::filesystem::path& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return;
  throw Error(Kind::unavailable,
              fmt::format("{}: cannot create: {}", folder.string(), std::strerror(errno)));
}

void sync_folder(const std::filesystem::path& folder) {
  as_ours([&] { core::sync_folder(folder); });
}

std::optional<Fd> lock_file(const std::filesystem::path& path) {
  return as_ours([&] { return core::lock_file(path); });
}

}  // namespace ringfence::hsm

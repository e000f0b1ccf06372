#include "core/base/leftovers.h"

#include <algorithm>
#include <string>

#include "core/base/file.h"

namespace ringfence::core {
namespace {

/// is_leftover says whether mkostemp may have made `name` of "`of`.XXXXXX".
bool is_leftover(std::string_view name, std::string_view of) {
  constexpr std::size_t kRandom = 6;
  if (name.size() != of.size() + 1 + kRandom || !name.starts_with(of) || name[of.size()] != '.')
    return false;
  return std::ranges::all_of(name.substr(of.size() + 1), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

}  // namespace

void remove_leftovers(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  const std::string name = path.filename().string();
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder_of(path), none))
    if (entry.symlink_status(none).type() == fs::file_type::regular &&
        is_leftover(entry.path().filename().string(), name))
      fs::remove(entry.path(), none);
}

}  // namespace ringfence::core

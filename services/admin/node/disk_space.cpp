#include "services/admin/node/disk_space.h"

#include <sys/statvfs.h>

#include <cstdint>

#include <fmt/format.h>

namespace ringfence::services::admin {

std::optional<std::string> disk_warning(const std::filesystem::path& folder) {
  constexpr std::uint64_t kFull = 512;        // KB, less than one database may need at once
  constexpr std::uint64_t kNearly = 100'000;  // KB
  constexpr std::uint64_t kNearlyPart = 20;   // of all: 5 %

  struct statvfs facts {};

  if (::statvfs(folder.c_str(), &facts) != 0 || facts.f_blocks == 0) return std::nullopt;
  const std::uint64_t free = facts.f_bavail * (facts.f_frsize / 512) / 2;
  const std::uint64_t all = facts.f_blocks * (facts.f_frsize / 512) / 2;
  if (free < kFull) {
    return fmt::format(
        "The disk of {} is full ({} KB free): nothing new can be recorded, and changes fail. "
        "Services go on answering with what they have. Make room there.",
        folder.string(), free);
  }
  if (free < kNearly && free < all / kNearlyPart) {
    return fmt::format("The disk of {} is nearly full ({} KB free). Make room there.",
                       folder.string(), free);
  }
  return std::nullopt;
}

}  // namespace ringfence::services::admin

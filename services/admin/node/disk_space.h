// Whether the disk under the state folder has room.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace ringfence::services::admin {

/// disk_warning is a sentence for people when the file system of `folder` is full, or nearly: less
/// than 5 % and less than 100 MB. Nothing when there is room.
std::optional<std::string> disk_warning(const std::filesystem::path& folder);

}  // namespace ringfence::services::admin

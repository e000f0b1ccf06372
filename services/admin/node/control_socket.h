// Whether somebody listens on a daemon's socket.
#pragma once

#include <filesystem>

namespace ringfence::services::admin {

/// serves tells whether a daemon listens on its `socket`: the file outlives a crash, who listens
/// does not. Never blocks.
bool serves(const std::filesystem::path& socket) noexcept;

}  // namespace ringfence::services::admin

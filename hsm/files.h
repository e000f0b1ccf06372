// Files that are whole or not there.
#pragma once

#include <filesystem>

#include "hsm/key.h"

namespace ringfence::hsm {

/// read_whole returns a file's bytes, nothing at all for one that cannot be read.
Bytes read_whole(const std::filesystem::path& path);

/// replace_file writes `bytes` to a new file of mode 0600, syncs it, and gives it the name `path`:
/// whoever reads, and whatever crashes, finds the old one or the new one. Throws
/// Error{unavailable} naming the file.
void replace_file(const std::filesystem::path& path, BytesView bytes);

/// sync_folder makes the names in `folder` survive a power cut. Throws Error{unavailable}.
void sync_folder(const std::filesystem::path& folder);

}  // namespace ringfence::hsm

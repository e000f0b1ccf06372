// core/base's files, with what fails said as an Error of hsm.
#pragma once

#include <filesystem>
#include <optional>

#include "core/base/file.h"
#include "hsm/key.h"

namespace ringfence::hsm {

using core::Fd;

/// read_whole returns a file's bytes, nothing at all for one that cannot be read.
Bytes read_whole(const std::filesystem::path& path);

/// read_file is core::read_file of at most 1 MiB. Throws Error{unavailable}.
Bytes read_file(const std::filesystem::path& path);

/// replace_file is core::write_atomically with mode 0600. Throws Error{unavailable}.
void replace_file(const std::filesystem::path& path, BytesView bytes);

/// make_folder makes a folder of mode 0700 unless it is there. Throws Error{unavailable}.
void make_folder(const std::filesystem::path& folder);

/// sync_folder is core::sync_folder. Throws Error{unavailable}.
void sync_folder(const std::filesystem::path& folder);

/// lock_file is core::lock_file. Throws Error{unavailable}.
std::optional<Fd> lock_file(const std::filesystem::path& path);

}  // namespace ringfence::hsm

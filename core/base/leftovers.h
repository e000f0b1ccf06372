// What a process that was killed left beside a file it was replacing.
#pragma once

#include <filesystem>

namespace ringfence::core {

/// remove_leftovers removes the temporary files of write_atomically beside `path`: its name, a dot
/// and six letters or digits, regular files only. Call it while nobody replaces `path`. What cannot
/// be removed stays.
void remove_leftovers(const std::filesystem::path& path);

}  // namespace ringfence::core

// Whether the state folder is ours alone, asked before anything in it is opened.
#pragma once

#include <filesystem>

namespace ringfence::hsm {

/// require_safe_state refuses a state folder that another user could change: it, ringfence.toml,
/// run, hsm and what stands directly in hsm belong to us or to root, are not writable for group or
/// others, and are no symbolic links. The path to the folder may have links; what does not exist
/// yet is fine. Throws Error{refused}: one sentence that names the path and what mends it.
void require_safe_state(const std::filesystem::path& state);

}  // namespace ringfence::hsm

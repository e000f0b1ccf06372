// Whether a state folder is ours alone, asked before anything in it is opened.
#pragma once

#include <filesystem>

namespace ringfence::core {

/// require_safe_state refuses a state folder that another user could change, now or while we run.
///
/// The folder, and in it ringfence.toml, lock, db, log, run, tftp and hsm with what stands directly
/// in them (of tftp the trust lists only: whose files phones fetch is the administrator's matter),
/// belong to us or to root, are not writable for group or others, and are no symbolic links. Since
/// nobody else can write there, nobody can put a link there between the question and the use.
///
/// Each folder above it belongs to us or to root, and is writable for nobody else unless it is
/// sticky, as /tmp is (a group that only its user is in is nobody else); the path may have links
/// that belong to us or to root, such as /var/run. What does not exist yet is fine.
///
/// Throws Error{refused}: one sentence that names the path and the command that mends it.
void require_safe_state(const std::filesystem::path& state);

}  // namespace ringfence::core

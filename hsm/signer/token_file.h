// SoftHSM's token.object, without which all keys are lost, and which each login rewrites in place.
#pragma once

#include "hsm/signer/config.h"

namespace ringfence::hsm {

/// SoftHSM 2.6 truncates <tokens>/<uuid>/token.object and writes it again at every C_Login, to
/// store a flag. A worker that is killed between the two, or a power cut, leaves it empty, and with
/// it go the PINs' copies of the token's master key. So we keep a copy of the last one that worked,
/// in <state>/hsm/good/<uuid>, and put it back. Both do nothing for other
/// modules. Call them while
/// no worker logs in.

/// keep_token_files copies those that have changed, atomically and synced. Throws Error.
void keep_token_files(const Config& config);

/// restore_token_files puts back those that are missing, shorter than their copy, or no object, as
/// a power cut leaves a file whose length alone reached the disk; it returns how many. Throws
/// Error.
unsigned restore_token_files(const Config& config);

/// remove_token_leftovers removes what a process that was killed in one of these left behind.
void remove_token_leftovers(const Config& config);

/// sync_token_files puts on the disk what SoftHSM wrote, files and folders: it syncs nothing
/// itself, so a key that a certificate names could be gone after a power cut. Does nothing for
/// other modules. Throws Error{unavailable}.
void sync_token_files(const Config& config);

}  // namespace ringfence::hsm

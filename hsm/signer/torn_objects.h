// Objects of a SoftHSM token that a power cut left torn.
#pragma once

#include <filesystem>
#include <vector>

#include "hsm/signer/config.h"

namespace ringfence::hsm {

/// set_aside_torn_objects moves each object of the token that is not whole
/// (hsm/signer/token_object.h), with its lock file, to <state>/hsm/torn/<uuid>, and returns where
/// they are now. SoftHSM reads all of them in C_Initialize and may end the process at a torn one:
/// no worker could start any more.
///
/// Nothing is lost by it: a key is on the disk before anybody hears of it (sync_token_files), so
/// no certificate names a torn one. One that is whole, or cannot be read, stays where it is; so
/// does token.object (hsm/signer/token_file.h). Does nothing for other modules. Call it only while
/// no worker runs. Throws Error{unavailable}.
std::vector<std::filesystem::path> set_aside_torn_objects(const Config& config);

}  // namespace ringfence::hsm

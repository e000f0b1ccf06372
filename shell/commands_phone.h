// What the commands of phones share.
#pragma once

#include <vector>

#include "shell/grammar.h"

namespace ringfence::shell {

/// kNoAnswer is how a phone is listed that did not answer its NOTIFY (RFC 3261 section 21.4.9).
inline constexpr int kNoAnswer = 408;

/// phone_reset_commands are utils phone reset, restart and apply-config, of one phone or of all.
std::vector<Command> phone_reset_commands();

}  // namespace ringfence::shell

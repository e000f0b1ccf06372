// What the commands of phones share.
#pragma once

#include <vector>

#include "shell/grammar.h"

namespace ringfence::shell {

/// phone_reset_commands are utils phone reset, restart and apply-config, of one phone or of all.
std::vector<Command> phone_reset_commands();

}  // namespace ringfence::shell

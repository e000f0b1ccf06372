// utils capf bulk: one operation for many phones.
#include "shell/commands.h"

namespace ringfence::shell {

std::vector<Command> bulk_commands() {
  return {};
}

}  // namespace ringfence::shell

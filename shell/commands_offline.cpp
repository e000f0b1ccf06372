// utils capf csr, cert import, stale-lsc: LSCs that an offline CA signs, and stale ones.
#include "shell/commands.h"

namespace ringfence::shell {

std::vector<Command> offline_commands() {
  return {};
}

}  // namespace ringfence::shell

// set csr, show csr, set cert import: certificates that another CA signs.
#include "shell/commands.h"

namespace ringfence::shell {

std::vector<Command> csr_commands() {
  return {};
}

}  // namespace ringfence::shell

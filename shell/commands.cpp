#include "shell/commands.h"

#include <iterator>

namespace ringfence::shell {

std::vector<Command> all_commands() {
  std::vector<Command> all;
  for (auto* family :
       {certificate_commands, trust_list_commands, service_commands, system_commands,
        phone_commands, capf_commands, csr_commands, offline_commands, bulk_commands,
        profile_commands, node_commands, job_commands, hsm_commands, shell_commands}) {
    std::ranges::move(family(), std::back_inserter(all));
  }
  return all;
}

}  // namespace ringfence::shell

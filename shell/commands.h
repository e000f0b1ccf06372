// The command families: one function a file, and all of them together.
#pragma once

#include <vector>

#include "shell/grammar.h"

namespace ringfence::shell {

std::vector<Command> certificate_commands();  ///< show cert, set cert
std::vector<Command> trust_list_commands();   ///< show itl, show ctl, utils itl
std::vector<Command> service_commands();      ///< utils service
std::vector<Command> system_commands();       ///< show status, show version, retention
std::vector<Command> phone_commands();        ///< show phone, utils phone, set phone
std::vector<Command> capf_commands();         ///< show capf
std::vector<Command> csr_commands();          ///< set csr, show csr, set cert import
std::vector<Command> offline_commands();      ///< utils capf csr, cert import, stale-lsc
std::vector<Command> bulk_commands();         ///< utils capf bulk
std::vector<Command> profile_commands();      ///< security profiles
std::vector<Command> node_commands();         ///< utils node
std::vector<Command> job_commands();          ///< show job, utils job
std::vector<Command> hsm_commands();          ///< show hsm, utils hsm
std::vector<Command> shell_commands();        ///< help, show schema, set cli, quit, exit

std::vector<Command> all_commands();

}  // namespace ringfence::shell

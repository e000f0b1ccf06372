// What the commands of offline CAs and of stale LSCs share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/admin/offline_api.h"
#include "shell/call.h"
#include "shell/grammar.h"

namespace ringfence::shell {

inline constexpr std::string_view kAll = "all";     ///< every device
inline constexpr std::string_view kStandard = "-";  ///< standard input or output in a file's place
inline constexpr std::size_t kShownRefusals = 50;   ///< in text; a document has them all

/// device_parameter is the positional `device`: a name, or all. selected_devices reads it.
Parameter device_parameter(std::vector<std::string> (*suggest)(Admin&, const std::string&));
core::admin::PhoneSelection selected_devices(Call& call);

Command lsc_import_command();               ///< utils capf cert import
std::vector<Command> stale_lsc_commands();  ///< utils capf stale-lsc

}  // namespace ringfence::shell

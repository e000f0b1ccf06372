// Which of this machine's addresses packets leave from.
#pragma once

#include <string>
#include <vector>

namespace ringfence::services::callmanager {

/// source_address returns the local IPv4 address that a packet to `address` would leave from, or
/// empty when there is no way. Asks the kernel's routes; sends nothing.
std::string source_address(const std::string& address);

/// own_addresses returns the IPv4 addresses of this machine's interfaces.
std::vector<std::string> own_addresses();

}  // namespace ringfence::services::callmanager

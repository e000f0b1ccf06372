// The address in a peer's text.
#pragma once

#include <string_view>

#include "core/net/asio.h"

namespace ringfence::core {

/// peer_address returns the address of "address:port" (see peer_text; an IPv6 address has no
/// brackets there); the unspecified one for what is none, such as "unknown".
asio::ip::address peer_address(std::string_view peer);

}  // namespace ringfence::core

// One line of JSON-RPC to its answer, without a socket.
#pragma once

#include <optional>
#include <string>

#include "core/net/rpc.h"

namespace ringfence::core {

/// respond answers one line with one document without line feeds; nothing for a notification (a
/// request without an id). What `handler` throws becomes an error object. Never throws but for
/// want of memory. Source: JSON-RPC 2.0 sections 4 to 5.1.
std::optional<std::string> respond(const RpcServer::Handler& handler, const Caller& caller,
                                   const std::string& line);

}  // namespace ringfence::core

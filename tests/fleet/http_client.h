// Fetching a file as phones do over plain HTTP on port 6970.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/net/asio.h"

namespace ringfence::fleet {

/// http_get returns the body of `GET /<name>`, or nothing for 404.
///
/// Throws core::Error: `not_found` when nobody listens (the phone then tries TFTP), `io` for
/// any other failure or status, `malformed`. At most 4 MiB, at most `limit` in all.
core::Task<std::optional<core::Bytes>> http_get(core::tcp::endpoint server, std::string name,
                                                std::chrono::milliseconds limit);

}  // namespace ringfence::fleet

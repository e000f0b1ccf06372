// Fetching a file as phones do over TFTP (RFC 1350, options of RFC 2347 to 2349).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/net/asio.h"

namespace ringfence::fleet {

struct TftpLimits {
  std::uint16_t block_size = 1428;
  std::chrono::milliseconds timeout{1000};  ///< doubles with each silence, up to 8 s
  unsigned attempts = 5;                    ///< sendings of one packet before giving up
  std::size_t max_bytes = 4 * 1024 * 1024;
};

/// tftp_get returns the file, or nothing when the server says "file not found".
///
/// Asks for `block_size` and `tsize`; takes plain RFC 1350 too. Throws core::Error: `io` for
/// silence and any other answer of the server, `malformed` for packets that cannot be and for a
/// size that is not the one announced. Runs on the awaiting coroutine's strand.
core::Task<std::optional<core::Bytes>> tftp_get(core::udp::endpoint server, std::string name,
                                                TftpLimits limits = {});

}  // namespace ringfence::fleet

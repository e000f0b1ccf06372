// Finding a file without holding up an io thread.
#pragma once

#include <optional>
#include <string>

#include "core/net/signing_pool.h"
#include "services/tftp/source.h"

namespace ringfence::services::tftp {

/// Pools are where a server does what blocks.
struct Pools {
  core::asio::thread_pool& work;  ///< for databases and files
  core::SigningPool& handshakes;
  core::SigningPool& files;  ///< a lane of its own: files are signed while handshakes stand still
};

/// find_file finds `name` for `peer` on `pools.work`, and signs on `pools.files` what must be
/// signed. So a signer that hangs holds up who asks for a new signed file, and nobody else. Throws
/// as Source does; `files` and the pools must outlive it.
core::Task<std::optional<File>> find_file(Pools pools, Source& files, std::string name,
                                          core::asio::ip::address peer);

}  // namespace ringfence::services::tftp

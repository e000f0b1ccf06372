#include "services/admin/node/control_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>

#include "core/base/file.h"
#include "core/net/rpc_line.h"

namespace ringfence::services::admin {

bool serves(const std::filesystem::path& socket) noexcept {
  try {
    const sockaddr_un address = core::unix_address(socket);
    const core::Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    // A full backlog is a daemon that is busy.
    return probe && (::connect(probe.get(), generic, sizeof address) == 0 || errno == EAGAIN);
  } catch (const std::exception&) {  // no path for a socket
    return false;
  }
}

}  // namespace ringfence::services::admin

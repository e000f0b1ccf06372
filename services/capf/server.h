// CAPF on the network: TLS connections, deadlines, and one session each.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "core/base/clock.h"
#include "core/net/asio.h"
#include "core/net/listener.h"
#include "core/net/signing_pool.h"
#include "services/capf/authority.h"
#include "services/capf/roster.h"
#include "services/capf/session.h"
#include "services/capf/throttle.h"

namespace ringfence::services::capf {

/// Bounds are what one peer may take of the server.
struct Bounds {
  core::Limits connections{8192, 6000};  ///< in all, and from one address
  std::chrono::seconds handshake{10};
  std::chrono::seconds work{120};   ///< for signing and recording, and for taking what is sent
  std::chrono::seconds goodbye{5};  ///< for the phone to close its end of TLS
};

/// Server serves sessions until `close`.
///
/// The databases run on `pool`, what may sign on `signing`; the io threads only move bytes.
/// Everything passed by reference must outlive `io.run()` and the pools' work.
class Server {
 public:
  struct Parts {
    Authority& authority;
    Records& records;
    const core::Clock& clock;
    core::asio::thread_pool& pool;
    core::SigningPool& signing;
  };

  Server(core::asio::io_context& io, const core::tcp::endpoint& endpoint, const Parts& parts,
         Bounds bounds = {}, Patience patience = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  core::tcp::endpoint endpoint() const { return listener_.endpoint(); }

  /// close stops accepting; running sessions end after the step at hand. Any thread.
  void close() { listener_.close(); }

  /// sessions counts connections, those in their handshake included.
  std::size_t sessions() const noexcept { return listener_.connections(); }

 private:
  core::Task<void> serve(core::tcp::socket socket);
  core::Task<void> converse(core::TlsStream& stream, Session& session);

  /// HangUp lets whoever takes its device's seat close a connection.
  class HangUp;

  void dismiss(std::uint32_t session);

  const Parts parts_;
  const Bounds bounds_;
  const Patience patience_;
  std::atomic<std::uint32_t> next_session_;
  Throttle throttle_;
  Roster roster_;
  std::mutex mutex_;
  std::unordered_map<std::uint32_t, std::function<void()>> hang_ups_;  ///< by session
  core::TcpListener listener_;  // last: its connections use all of the above
};

}  // namespace ringfence::services::capf

// CAPF on the network: TLS connections, deadlines, and one session each.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/base/clock.h"
#include "core/net/asio.h"
#include "core/net/listener.h"
#include "core/net/signing_pool.h"
#include "services/capf/authority.h"
#include "services/capf/latency.h"
#include "services/capf/roster.h"
#include "services/capf/session.h"
#include "services/capf/throttle.h"
#include "services/capf/trust_witness.h"

namespace ringfence::services::capf {

/// Bounds are what peers may take of the server.
struct Bounds {
  core::Limits connections{16384, 5120};  ///< in all, and from one address: see core::Occupancy
  /// When so many are at work, one of the address that has most gives way to a phone of another
  /// (see Occupancy::make_room); who would have as many then is told RETRY LATER, while there is
  /// room to say so. So is everybody when so much waits for the signer that the next handshakes
  /// would come too late.
  std::size_t sessions = 7500;
  std::size_t signatures = 6000;
  std::chrono::seconds handshake{20};  ///< also for its place in the signer's queue
  std::chrono::seconds work{120};      ///< for signing and recording, and for taking what is sent
  std::chrono::seconds goodbye{5};     ///< for the phone to close its end of TLS
};

/// Doors are where phones come in: the second one is for those that know TLS 1.0 only.
struct Doors {
  core::tcp::endpoint endpoint;
  std::optional<core::tcp::endpoint> legacy;
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

  Server(core::asio::io_context& io, const Doors& doors, const Parts& parts, Bounds bounds = {},
         Patience patience = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  core::tcp::endpoint endpoint() const { return listener_.endpoint(); }

  /// legacy_endpoint is nothing when that door is closed.
  std::optional<core::tcp::endpoint> legacy_endpoint() const;

  /// close stops accepting; running sessions end after the step at hand. Any thread.
  void close();

  /// sessions counts connections, those in their handshake included.
  std::size_t sessions() const noexcept { return occupancy_.count(); }

  /// turned_away counts phones that were told RETRY LATER because of too much work.
  std::uint64_t turned_away() const noexcept { return turned_away_; }

  /// handshakes are measured from the moment a connection was accepted, the peer's part included;
  /// answers from the moment a message was read to the moment its answer was written.
  const Latency& handshakes() const noexcept { return handshakes_; }

  const Latency& answers() const noexcept { return answers_; }

 private:
  enum class Door { usual, legacy };

  using HeaderBytes = std::array<std::uint8_t, kHeaderBytes>;

  core::Task<void> serve(core::tcp::socket socket, core::Seat& seat, Door door);
  core::Task<core::TlsStream> greet(core::tcp::socket socket, Door door,
                                    std::shared_ptr<const Identity>& identity,
                                    TrustWitness& witness);
  core::Task<void> converse(core::TlsStream& stream, Session& session, core::Seat& seat,
                            const std::string& peer, TrustWitness& witness);

  Turn answer(Session& session, const HeaderBytes& header, core::BytesView body,
              const core::Seat& seat, const std::string& peer, TrustWitness& witness,
              std::optional<std::chrono::minutes>& idle);
  std::optional<Turn> turn_away(const std::string& device, std::uint32_t session,
                                const core::Seat& seat, const std::string& peer);

  /// HangUp lets whoever takes its device's seat close a connection.
  class HangUp;

  void dismiss(std::uint32_t session);

  const Parts parts_;
  const Bounds bounds_;
  const Patience patience_;
  std::atomic<std::uint32_t> next_session_;
  std::atomic<std::uint64_t> turned_away_ = 0;
  Latency handshakes_;
  Latency answers_;
  Throttle throttle_;
  CaFailures ca_failures_;
  Roster roster_;
  std::mutex mutex_;
  std::unordered_map<std::uint32_t, std::function<void()>> hang_ups_;  ///< by session
  core::Occupancy occupancy_;
  core::TcpListener listener_;  // these last: their connections use all of the above
  std::optional<core::TcpListener> legacy_;
};

}  // namespace ringfence::services::capf

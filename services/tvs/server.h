// TVS over TLS: coroutines, limits, deadlines.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include <boost/json/object.hpp>

#include "core/net/listener.h"
#include "core/net/signing_pool.h"
#include "core/phones/phone_store.h"
#include "core/phones/trust_sign_log.h"
#include "services/tvs/book.h"

namespace ringfence::services::tvs {

/// Times bound what a peer may take.
struct Times {
  std::chrono::steady_clock::duration handshake = std::chrono::seconds(10);
  std::chrono::steady_clock::duration idle = std::chrono::seconds(30);  ///< for one whole request
};

/// Server answers phones until `close`. It must outlive `io.run()`.
class Server {
 public:
  /// Parts must outlive the server.
  struct Parts {
    core::asio::thread_pool& pool;  ///< runs what blocks for the disk
    core::SigningPool& signing;     ///< runs what blocks for the signer
    Book& book;
    const core::PhoneStore& phones;  ///< of admin.db
    core::TrustSignLog& signs;       ///< hears what questions and refusals show
  };

  Server(core::asio::io_context& io, const Parts& parts, const core::tcp::endpoint& endpoint,
         Times times = {});

  core::tcp::endpoint endpoint() const { return listener_.endpoint(); }

  void close() { listener_.close(); }

  /// counters returns sessions attempted and accepted, requests by kind, unknown, malformed.
  boost::json::object counters() const;

 private:
  struct Peer;

  core::Task<void> serve(core::tcp::socket socket, core::Seat& seat);
  core::Task<core::TlsStream> greet(core::tcp::socket socket, Peer& peer);
  void note_refusal(const Peer& peer, core::TrustSignKind kind, const std::string& how);
  void note(const Peer& peer, const Request& request, const Answer& answer);
  std::string device_in(const Request& request) const;

  const Parts parts_;
  const Times times_;
  std::atomic<std::uint64_t> attempted_ = 0;
  std::atomic<std::uint64_t> accepted_ = 0;
  std::atomic<std::uint64_t> queries_ = 0;
  std::atomic<std::uint64_t> verifications_ = 0;
  std::atomic<std::uint64_t> unknown_ = 0;
  std::atomic<std::uint64_t> malformed_ = 0;
  core::TcpListener listener_;  // last: it calls serve
};

}  // namespace ringfence::services::tvs

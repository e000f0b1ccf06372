// TVS over TLS: coroutines, limits, deadlines.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include <boost/json/object.hpp>

#include "core/net/listener.h"
#include "core/net/signing_pool.h"
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
  /// `pool` runs what blocks for SQLite, `signing` what blocks for the signer; they and `book`
  /// must outlive the server.
  Server(core::asio::io_context& io, core::asio::thread_pool& pool, core::SigningPool& signing,
         Book& book, const core::tcp::endpoint& endpoint, Times times = {});

  core::tcp::endpoint endpoint() const { return listener_.endpoint(); }

  void close() { listener_.close(); }

  /// counters returns sessions attempted and accepted, requests by kind, unknown, malformed.
  boost::json::object counters() const;

 private:
  core::Task<void> serve(core::tcp::socket socket, core::Seat& seat);

  core::asio::thread_pool& pool_;
  core::SigningPool& signing_;
  Book& book_;
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

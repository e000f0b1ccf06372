// TFTP over UDP: one socket to be asked on, one of its own for each transfer.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include <boost/json/object.hpp>

#include "core/net/asio.h"
#include "core/net/occupancy.h"
#include "services/tftp/fetch_log.h"
#include "services/tftp/find_file.h"
#include "services/tftp/lending.h"
#include "services/tftp/protocol.h"
#include "services/tftp/session.h"

namespace ringfence::services::tftp {

/// Bounds are what all clients together, one of them, and one transfer, may take.
struct Bounds {
  /// In all and for one address; who gives way to a newcomer: see core::Occupancy. A request for
  /// which nobody does is dropped; clients ask again.
  core::Limits transfers{2000, 500};
  Lending::Bounds lending{};
  std::chrono::seconds transfer_time = std::chrono::minutes(5);
  std::chrono::seconds drain_time = std::chrono::seconds(2);  ///< for running ones, after `close`
};

/// Server answers read requests until `close`. It must outlive `io.run()`.
class Server {
 public:
  /// What is passed must outlive the server. Throws Error{conflict} when the port is taken.
  Server(core::asio::io_context& io, const Pools& pools, Source& files, FetchLog& fetches,
         const core::Clock& clock, const core::udp::endpoint& endpoint, Bounds bounds = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  core::udp::endpoint endpoint() const { return endpoint_; }

  /// close stops listening; running transfers may come to their end for a moment, so that who has a
  /// whole file is known to have it. Any thread.
  void close();

  /// counters returns requests, transfers completed and failed, not found, refused, dropped (no
  /// room, or a first block that its peer owes already) and displaced (gave way to others).
  boost::json::object counters() const;

 private:
  struct Transfer;

  core::Task<void> listen();
  void start(core::BytesView datagram, const core::udp::endpoint& peer);
  std::shared_ptr<Transfer> admit(core::BytesView datagram, const core::udp::endpoint& peer);
  void leave(const std::shared_ptr<Transfer>& transfer);
  bool has_transfers() const;
  void end_transfers();
  core::Task<void> serve(std::shared_ptr<Transfer> transfer);
  core::Task<void> send_file(std::shared_ptr<Transfer> transfer, ReadRequest request, File file);
  Step take(Transfer& transfer, Session& session, std::size_t count);
  static Step repeat(Session& session, const Transfer& transfer,
                     std::chrono::steady_clock::time_point sent);
  core::Task<bool> lend(Transfer& transfer, std::size_t bytes);
  core::Task<std::size_t> receive(Transfer& transfer, std::chrono::steady_clock::time_point until);

  core::asio::io_context& io_;
  const Pools pools_;
  Source& files_;
  FetchLog& fetches_;
  const core::Clock& clock_;
  const Bounds bounds_;
  core::udp::socket socket_;
  core::asio::steady_timer draining_;  // on socket_'s strand
  core::udp::endpoint endpoint_;

  std::atomic<std::uint64_t> requests_ = 0;
  std::atomic<std::uint64_t> completed_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
  std::atomic<std::uint64_t> not_found_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
  std::atomic<std::uint64_t> dropped_ = 0;

  Lending lending_;
  core::Occupancy occupancy_;  // before the transfers, which hold seats
  mutable std::mutex mutex_;   // for what follows
  bool closed_ = false;
  std::map<core::udp::endpoint, std::shared_ptr<Transfer>> transfers_;
};

}  // namespace ringfence::services::tftp

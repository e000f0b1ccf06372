// TFTP over UDP: one socket to be asked on, one of its own for each transfer.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include <boost/json/object.hpp>

#include "core/net/asio.h"
#include "core/net/occupancy.h"
#include "core/net/poll_loop.h"
#include "core/net/udp_socket.h"
#include "services/tftp/fetch_log.h"
#include "services/tftp/find_file.h"
#include "services/tftp/lending.h"
#include "services/tftp/transfer.h"

namespace ringfence::services::tftp {

/// Bounds are what all clients together, one of them, and one transfer, may take.
struct Bounds {
  /// In all and for one address; who gives way to a newcomer: see core::Occupancy. A request for
  /// which nobody does is dropped; clients ask again.
  core::Limits transfers{2000, 500};
  Lending::Bounds lending{};
  /// How long a request waits for a seat, and how many may in all and of one address.
  std::chrono::milliseconds late_time{500};
  std::size_t late = 256;
  std::size_t late_per_address = 16;
  std::chrono::seconds transfer_time = std::chrono::minutes(5);
  std::chrono::seconds drain_time = std::chrono::seconds(2);  ///< for running ones, after `close`
};

/// Server answers read requests until `close`, on a thread of its own. It must outlive `io.run()`,
/// which goes on until the last transfer has ended.
class Server final : private core::PollLoop::Waiter {
 public:
  /// What is passed must outlive the server. Throws Error{conflict} when the port is taken.
  Server(core::asio::io_context& io, const Pools& pools, Source& files, FetchLog& fetches,
         const core::Clock& clock, const core::udp::endpoint& endpoint, Bounds bounds = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  ///< cuts short what still runs

  core::udp::endpoint endpoint() const { return endpoint_; }

  /// close stops listening; running transfers may come to their end for a moment, so that who has a
  /// whole file is known to have it. Any thread.
  void close();

  /// counters returns requests, transfers completed and failed, not found, refused, dropped (no
  /// room, or a first block that its peer owes already) and displaced (gave way to others).
  boost::json::object counters() const;

 private:
  /// Late is a request that found no place.
  struct Late {
    core::Bytes request;
    core::udp::endpoint peer;
    std::chrono::steady_clock::time_point until;
  };

  void run();
  void readable() override;
  void overdue(std::chrono::steady_clock::time_point now) override;
  bool start(core::BytesView datagram, const core::udp::endpoint& peer);
  void keep_late(core::BytesView datagram, const core::udp::endpoint& peer);
  void drop(const core::udp::endpoint& peer);
  void seat_late(const core::udp::endpoint& ended);
  std::unique_ptr<core::Seat> seat_for(const std::shared_ptr<Transfer>& transfer);
  void ended(const Transfer& transfer);
  void stop_listening();
  void end_transfers();

  const Pools pools_;
  const Bounds bounds_;
  Counters counters_;
  Lending lending_;
  core::Occupancy occupancy_;  // before the transfers, which hold seats
  core::PollLoop loop_;
  core::UdpSocket socket_;
  const core::udp::endpoint endpoint_;
  Desk desk_;

  // The loop's thread's own.
  bool listening_ = true;
  std::map<core::udp::endpoint, std::shared_ptr<Transfer>> transfers_;
  std::deque<Late> late_;
  std::vector<std::shared_ptr<Transfer>> ended_;  ///< until the loop has gone round

  core::asio::executor_work_guard<core::asio::io_context::executor_type> work_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace ringfence::services::tftp

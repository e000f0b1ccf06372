// One client's conversation over UDP, from its request to its last acknowledgement.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/net/asio.h"
#include "core/net/occupancy.h"
#include "core/net/poll_loop.h"
#include "core/net/udp_socket.h"
#include "services/tftp/fetch_log.h"
#include "services/tftp/find_file.h"
#include "services/tftp/lending.h"
#include "services/tftp/protocol.h"
#include "services/tftp/session.h"

namespace ringfence::services::tftp {

/// Counters count since the start. Any thread.
struct Counters {
  std::atomic<std::uint64_t> requests = 0;
  std::atomic<std::uint64_t> completed = 0;
  std::atomic<std::uint64_t> failed = 0;
  std::atomic<std::uint64_t> not_found = 0;
  std::atomic<std::uint64_t> refused = 0;
  std::atomic<std::uint64_t> dropped = 0;  ///< no room, or a first block that its peer owes already
};

class Transfer;

/// Desk is what all transfers of a server work with.
struct Desk {
  core::asio::io_context& io;  ///< where files are looked for that are not at hand
  const Pools& pools;
  Source& files;
  FetchLog& fetches;
  const core::Clock& clock;
  core::PollLoop& loop;
  Lending& lending;
  Counters& counters;
  core::udp::endpoint local;  ///< of the transfers' sockets; port 0
  std::chrono::steady_clock::duration transfer_time;
  std::function<void(const Transfer&)> ended;  ///< is told last, and may not end it at once
};

/// Transfer has a socket, and so a port, of its own. Everything belongs to the loop's thread.
class Transfer final : public core::PollLoop::Waiter,
                       public std::enable_shared_from_this<Transfer> {
 public:
  using Clock = core::PollLoop::Clock;

  Transfer(Desk& desk, core::BytesView request, core::udp::endpoint peer)
      : desk_(desk), request_(request.begin(), request.end()), peer_(std::move(peer)) {}

  const core::udp::endpoint& peer() const noexcept { return peer_; }

  /// begin opens the socket and looks for the file; `seat` is freed when the transfer ends.
  void begin(std::unique_ptr<core::Seat> seat);

  /// asked_again is called when its client has sent a request again, `same` or another. It returns
  /// whether that is answered so; if not, it is a new transfer's: once something was acknowledged,
  /// the same port asking again begins anew.
  bool asked_again(core::BytesView request);

  /// cut_short ends it.
  void cut_short();

  bool over() const noexcept { return over_; }

  void readable() override;
  void overdue(Clock::time_point now) override;

 private:
  enum class Stage { finding, lending, sending };

  void find();
  void found(const std::exception_ptr& failure, std::optional<File> file);
  void refuse(const core::Bytes& error);
  void serve(File file);
  void take(core::BytesView datagram);
  void go(Step step);
  void send();
  void send_now();
  void whole();
  void tell_stranger(std::size_t bytes, const core::udp::endpoint& stranger);
  void fail(std::string_view why);
  void end();
  template <typename Work>
  void guarded(const Work& work);

  Desk& desk_;
  const core::Bytes request_;
  const core::udp::endpoint peer_;
  core::UdpSocket socket_;
  std::unique_ptr<core::Seat> seat_;
  Stage stage_ = Stage::finding;
  bool over_ = false;
  bool acknowledged_ = false;
  bool lent_ = false;  ///< its first packet is costly: repeated requests pay for it
  int strangers_ = 0;
  std::optional<ReadRequest> asked_;
  std::optional<File> file_;
  std::optional<Session> session_;
  Clock::time_point give_up_;
  Clock::time_point lend_until_;
  Clock::time_point sent_;
  Clock::time_point heard_;  ///< when the seat was told so
};

/// text_of returns "address:port" as log lines have it.
std::string text_of(const core::udp::endpoint& peer);

}  // namespace ringfence::services::tftp

#include "services/tftp/server.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/net/listener.h"

namespace ringfence::services::tftp {
namespace {

namespace asio = core::asio;
using boost::system::error_code;
using core::Code;
using core::Error;
using core::Level;

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr int kReceiveBufferBytes = 4 << 20;  // a whole site boots at once
constexpr auto kUnderWay = 500ms;             // so long an answer may still be on its way
constexpr auto kLookAgain = 100ms;            // whether a first block may be lent now
constexpr auto kWaitForLoan = 2s;
constexpr int kStrangers = 3;  // are told so by one transfer

std::string text_of(const core::udp::endpoint& peer) {
  return fmt::format("{}:{}", peer.address().to_string(), peer.port());
}

core::udp::socket open_socket(asio::io_context& io, const core::udp::endpoint& endpoint) {
  try {
    core::udp::socket socket(asio::make_strand(io));
    socket.open(endpoint.protocol());
    socket.bind(endpoint);
    error_code smaller;  // the system may give less
    socket.set_option(asio::socket_base::receive_buffer_size(kReceiveBufferBytes), smaller);
    return socket;
  } catch (const boost::system::system_error& error) {
    const bool taken = error.code() == asio::error::address_in_use;
    throw Error(
        taken ? Code::conflict : Code::io,
        fmt::format("tftp cannot listen on {}: {}", text_of(endpoint), error.code().message()));
  }
}

/// failure_of maps our codes to RFC 1350 section 5.
Failure failure_of(Code code) noexcept {
  switch (code) {
    case Code::not_found: return Failure::not_found;
    case Code::refused: return Failure::access_violation;
    case Code::malformed: return Failure::illegal_operation;
    case Code::conflict:
    case Code::hsm_unavailable:
    case Code::hsm_locked:
    case Code::io:
    case Code::internal: return Failure::undefined;
  }
  return Failure::undefined;
}

}  // namespace

/// Transfer is one client's conversation; its members but the atomic ones belong to its strand.
struct Server::Transfer : std::enable_shared_from_this<Transfer> {
  Transfer(asio::io_context& io, core::BytesView datagram, core::udp::endpoint from)
      : socket(asio::make_strand(io)),
        timer(socket.get_executor()),
        request(datagram.begin(), datagram.end()),
        peer(std::move(from)) {}

  core::udp::socket socket;
  asio::steady_timer timer;
  unsigned wait = 0;  ///< numbers the waits, so that a late alarm does not end the next one
  bool alarmed = false;
  bool asked_again = false;
  int strangers = 0;
  std::unique_ptr<core::Seat> seat;
  const core::Bytes request;
  const core::udp::endpoint peer;
  std::atomic<bool> acknowledged = false;
  std::atomic<bool> lent = false;  ///< its first packet is costly: repeated requests pay for it
  std::array<std::uint8_t, 1024> received{};

  /// cut_short ends it soon. Any thread.
  void cut_short() {
    asio::post(socket.get_executor(), [self = shared_from_this()] {
      error_code ignored;
      self->socket.close(ignored);
      self->timer.cancel();
    });
  }

  /// repeated tells it that its client has sent its request again. Any thread.
  void repeated() {
    asio::post(socket.get_executor(), [self = shared_from_this()] {
      self->asked_again = true;
      error_code ignored;
      if (self->socket.is_open()) self->socket.cancel(ignored);
    });
  }
};

Server::Server(asio::io_context& io, const Pools& pools, Source& files, FetchLog& fetches,
               const core::Clock& clock, const core::udp::endpoint& endpoint, Bounds bounds)
    : io_(io),
      pools_(pools),
      files_(files),
      fetches_(fetches),
      clock_(clock),
      bounds_(bounds),
      socket_(open_socket(io, endpoint)),
      draining_(socket_.get_executor()),
      endpoint_(socket_.local_endpoint()),
      lending_(bounds.lending),
      occupancy_(bounds.transfers) {
  asio::co_spawn(socket_.get_executor(), listen(), asio::detached);
}

void Server::close() {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
  }
  asio::post(socket_.get_executor(), [this] {
    error_code ignored;
    socket_.close(ignored);
    if (!has_transfers()) return;
    draining_.expires_after(bounds_.drain_time);
    draining_.async_wait([this](const error_code&) { end_transfers(); });
  });
}

bool Server::has_transfers() const {
  const std::lock_guard lock(mutex_);
  return !transfers_.empty();
}

void Server::end_transfers() {
  const std::lock_guard lock(mutex_);
  for (const auto& [peer, transfer] : transfers_) transfer->cut_short();
}

core::Task<void> Server::listen() {
  // One byte more than a request may have, so that a longer one is seen to be.
  std::array<std::uint8_t, kMaxRequestBytes + 1> datagram{};
  const auto buffer = asio::buffer(datagram);
  while (socket_.is_open()) {
    core::udp::endpoint peer;
    error_code failed;
    auto token = asio::redirect_error(asio::use_awaitable, failed);
    const std::size_t count = co_await socket_.async_receive_from(buffer, peer, token);
    if (failed) continue;  // closed, or an ICMP message about an earlier answer
    start(core::BytesView(datagram).first(count), peer);
  }
}

void Server::start(core::BytesView datagram, const core::udp::endpoint& peer) {
  // Only requests deserve an answer: rubbish from a forged address must not be reflected.
  if (!is_request(datagram) || peer.port() == 0) return;
  ++requests_;
  const std::shared_ptr<Transfer> transfer = admit(datagram, peer);
  if (!transfer) return;
  asio::co_spawn(transfer->socket.get_executor(), serve(transfer),
                 [this, transfer](const std::exception_ptr& failure) {
                   leave(transfer);
                   if (!failure) return;
                   ++failed_;
                   try {
                     std::rethrow_exception(failure);
                   } catch (const std::exception& error) {
                     core::log(Level::info, "TFTP_TRANSFER_ENDED",
                               {{"peer", text_of(transfer->peer)}, {"why", error.what()}});
                   }
                 });
}

/// admit returns a new transfer, or nothing for a repeated request or when there are too many.
std::shared_ptr<Server::Transfer> Server::admit(core::BytesView datagram,
                                                const core::udp::endpoint& peer) {
  auto transfer = std::make_shared<Transfer>(io_, datagram, peer);
  const std::lock_guard lock(mutex_);
  const auto running = transfers_.find(peer);
  if (running != transfers_.end()) {
    // The client repeats what our first packet has not answered yet: it is on its way, or lost.
    // Once something was acknowledged, the same port asking again means a new transfer.
    Transfer& old = *running->second;
    if (old.request == transfer->request && !old.acknowledged) {
      if (old.lent)
        lending_.paid(core::peer_key(peer.address()), datagram.size(), SteadyClock::now());
      old.repeated();
      return nullptr;
    }
  }
  if (!closed_) {
    const std::weak_ptr<Transfer> known = transfer;
    transfer->seat = occupancy_.enter(peer.address(), [known] {
      if (const auto displaced = known.lock()) displaced->cut_short();
    });
  }
  if (!transfer->seat) {
    if (dropped_++ % 1000 == 0) {
      core::log(Level::warning, "TFTP_BUSY",
                {{"peer", text_of(peer)}, {"transfers", std::to_string(transfers_.size())}});
    }
    return nullptr;
  }
  if (running == transfers_.end()) {
    transfers_.emplace(peer, transfer);
  } else {
    running->second->cut_short();
    running->second = transfer;
  }
  return transfer;
}

void Server::leave(const std::shared_ptr<Transfer>& transfer) {
  const std::lock_guard lock(mutex_);
  transfer->seat.reset();
  const auto running = transfers_.find(transfer->peer);
  if (running != transfers_.end() && running->second == transfer) transfers_.erase(running);
  if (closed_ && transfers_.empty())
    asio::post(socket_.get_executor(), [this] { draining_.cancel(); });
}

core::Task<void> Server::serve(std::shared_ptr<Transfer> transfer) {
  if (transfer->seat->displaced()) co_return;
  transfer->socket.open(endpoint_.protocol());
  const core::udp::endpoint local(endpoint_.address(), 0);
  transfer->socket.bind(local);

  ReadRequest request;
  std::optional<File> file;
  core::Bytes refusal;
  const std::size_t asked_bytes = transfer->request.size();
  try {
    request = parse_request(transfer->request);
    auto found = find_file(pools_, files_, request.file, transfer->peer.address());
    file = co_await std::move(found);
    if (!file) {
      ++not_found_;
      refusal = error_within(asked_bytes, Failure::not_found, "file not found");
    }
  } catch (const Error& error) {
    ++refused_;
    core::log(Level::warning, "TFTP_REFUSED",
              {{"peer", text_of(transfer->peer)}, {"why", error.what()}});
    refusal = error_within(asked_bytes, failure_of(error.code()), error.what());
  }
  if (!file) {
    const auto buffer = asio::buffer(refusal);
    co_await transfer->socket.async_send_to(buffer, transfer->peer, asio::use_awaitable);
    co_return;
  }
  co_await send_file(transfer, std::move(request), std::move(*file));
}

core::Task<void> Server::send_file(std::shared_ptr<Transfer> transfer, ReadRequest request,
                                   File file) {
  const std::shared_ptr<const core::Bytes> bytes(file.content, &file.content->bytes);
  Session session(bytes, request, transfer->request.size());
  if (session.costly()) {
    lending_.paid(core::peer_key(transfer->peer.address()), transfer->request.size(),
                  SteadyClock::now());
    transfer->lent = true;
  }
  const auto give_up = SteadyClock::now() + bounds_.transfer_time;
  SteadyClock::time_point sent;
  SteadyClock::time_point due;
  Step step = Step::send;
  while (step == Step::send || step == Step::wait) {
    if (SteadyClock::now() >= give_up) throw Error(Code::io, "the transfer took too long");
    if (step == Step::send) {
      if (session.costly()) {
        const bool lent = co_await lend(*transfer, session.packet().size());
        if (!lent) co_return;
      }
      const auto buffer = asio::buffer(session.packet());
      co_await transfer->socket.async_send_to(buffer, transfer->peer, asio::use_awaitable);
      sent = SteadyClock::now();
      due = sent + session.patience();
    }
    const std::size_t count = co_await receive(*transfer, due);
    if (count > 0) {
      step = take(*transfer, session, count);
    } else if (std::exchange(transfer->asked_again, false)) {
      step = repeat(session, *transfer, sent);
    } else {
      step = session.timed_out();
      due = SteadyClock::now() + session.patience();
    }
  }
  if (step == Step::failed) throw Error(Code::io, "the client gave up or is gone");
  ++completed_;
  core::log(Level::info, "TFTP_SENT",
            {{"peer", text_of(transfer->peer)},
             {"file", request.file},
             {"bytes", std::to_string(bytes->size())}});
  fetches_.add(file, request.file, transfer->peer.address().to_string(), clock_.now());
}

/// take gives the session a datagram of the client.
Step Server::take(Transfer& transfer, Session& session, std::size_t count) {
  const Step step = session.take(core::BytesView(transfer.received).first(count));
  if (step != Step::send && step != Step::done) return step;
  if (!transfer.acknowledged.exchange(true)) {
    lending_.acknowledged(core::peer_key(transfer.peer.address()), SteadyClock::now());
  }
  transfer.seat->heard(core::Seat::Stage::settled);
  return step;
}

/// repeat answers a repeated request, unless the last answer may still be on its way.
Step Server::repeat(Session& session, const Transfer& transfer, SteadyClock::time_point sent) {
  if (session.heard() || SteadyClock::now() - sent < kUnderWay) return Step::wait;
  return session.asked_again(transfer.request.size());
}

/// lend waits a moment until a first block may go to a peer that has not proved to be there: a
/// whole site that boots at once behind one address has proved it within a round trip.
core::Task<bool> Server::lend(Transfer& transfer, std::size_t bytes) {
  const auto peer = core::peer_key(transfer.peer.address());
  const auto until = SteadyClock::now() + kWaitForLoan;
  while (!lending_.lend(peer, bytes, SteadyClock::now())) {
    if (!transfer.socket.is_open() || SteadyClock::now() >= until) {
      ++dropped_;
      co_return false;
    }
    transfer.timer.expires_after(kLookAgain);
    error_code cancelled;
    auto token = asio::redirect_error(asio::use_awaitable, cancelled);
    co_await transfer.timer.async_wait(token);
  }
  co_return true;
}

/// receive returns the size of the client's next datagram, or 0 when `until` came or the client
/// asked again. Whoever else sends to our port gets error 5, the first few, and changes nothing
/// (RFC 1350 section 4).
core::Task<std::size_t> Server::receive(Transfer& transfer, SteadyClock::time_point until) {
  transfer.alarmed = false;
  transfer.timer.expires_at(until);
  transfer.timer.async_wait(
      [self = transfer.shared_from_this(), wait = ++transfer.wait](const error_code& cancelled) {
        if (cancelled || self->wait != wait) return;
        self->alarmed = true;
        error_code ignored;
        self->socket.cancel(ignored);
      });
  const auto buffer = asio::buffer(transfer.received);
  std::size_t count = 0;
  error_code failed;
  while (count == 0 && !failed && !transfer.alarmed && !transfer.asked_again) {
    core::udp::endpoint sender;
    auto token = asio::redirect_error(asio::use_awaitable, failed);
    count = co_await transfer.socket.async_receive_from(buffer, sender, token);
    if (!failed && sender != transfer.peer) {
      const core::Bytes stranger =
          error_within(count, Failure::unknown_transfer, "this port serves another client");
      count = 0;
      if (stranger.empty() || ++transfer.strangers > kStrangers) continue;
      const auto answer = asio::buffer(stranger);
      error_code ignored;
      auto quiet = asio::redirect_error(asio::use_awaitable, ignored);
      co_await transfer.socket.async_send_to(answer, sender, quiet);
    }
  }
  ++transfer.wait;
  transfer.timer.cancel();
  if (!transfer.socket.is_open()) throw Error(Code::io, "the transfer was cut short");
  if (failed && failed != asio::error::operation_aborted) {
    throw boost::system::system_error(failed);
  }
  co_return failed ? 0 : count;
}

boost::json::object Server::counters() const {
  return {{"requests", requests_.load()},       {"completed", completed_.load()},
          {"failed", failed_.load()},           {"not_found", not_found_.load()},
          {"refused", refused_.load()},         {"dropped", dropped_.load()},
          {"displaced", occupancy_.displaced()}};
}

}  // namespace ringfence::services::tftp

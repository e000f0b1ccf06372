#include "services/tftp/server.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/net/listener.h"
#include "services/tftp/session.h"

namespace ringfence::services::tftp {
namespace {

namespace asio = core::asio;
using boost::system::error_code;
using core::Code;
using core::Error;
using core::Level;

constexpr int kReceiveBufferBytes = 4 << 20;  // a whole site boots at once

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

/// Transfer is one client's conversation; its members but `acknowledged` belong to its strand.
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
  const core::Bytes request;
  const core::udp::endpoint peer;
  std::atomic<bool> acknowledged = false;
  std::array<std::uint8_t, 1024> received{};
};

Server::Server(asio::io_context& io, const Pools& pools, FileSource& files, FetchLog& fetches,
               const core::Clock& clock, const core::udp::endpoint& endpoint, Bounds bounds)
    : io_(io),
      pools_(pools),
      files_(files),
      fetches_(fetches),
      clock_(clock),
      bounds_(bounds),
      socket_(open_socket(io, endpoint)),
      draining_(socket_.get_executor()),
      endpoint_(socket_.local_endpoint()) {
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
  for (const auto& [peer, transfer] : transfers_) {
    asio::post(transfer->socket.get_executor(), [transfer = transfer] {
      error_code ignored;
      transfer->socket.close(ignored);
    });
  }
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
    // The client repeats what our first packet has not answered yet: that packet is on its way.
    // Once something was acknowledged, the same port asking again means a new transfer.
    const Transfer& old = *running->second;
    if (old.request == transfer->request && !old.acknowledged) return nullptr;
  }
  if (closed_ || (running == transfers_.end() && transfers_.size() >= bounds_.transfers)) {
    if (dropped_++ % 1000 == 0) {
      core::log(Level::warning, "TFTP_BUSY", {{"transfers", std::to_string(transfers_.size())}});
    }
    return nullptr;
  }
  if (running == transfers_.end()) {
    transfers_.emplace(peer, transfer);
  } else {
    asio::post(running->second->socket.get_executor(), [old = running->second] {
      error_code ignored;
      old->socket.close(ignored);
    });
    running->second = transfer;
  }
  return transfer;
}

void Server::leave(const std::shared_ptr<Transfer>& transfer) {
  const std::lock_guard lock(mutex_);
  const auto running = transfers_.find(transfer->peer);
  if (running != transfers_.end() && running->second == transfer) transfers_.erase(running);
  if (closed_ && transfers_.empty())
    asio::post(socket_.get_executor(), [this] { draining_.cancel(); });
}

core::Task<void> Server::serve(std::shared_ptr<Transfer> transfer) {
  transfer->socket.open(endpoint_.protocol());
  const core::udp::endpoint local(endpoint_.address(), 0);
  transfer->socket.bind(local);

  ReadRequest request;
  std::optional<File> file;
  core::Bytes refusal;
  try {
    request = parse_request(transfer->request);
    auto found = find_file(pools_, files_, request.file);
    file = co_await std::move(found);
    if (!file) {
      ++not_found_;
      refusal = error_packet(Failure::not_found, "file not found");
    }
  } catch (const Error& error) {
    ++refused_;
    core::log(Level::warning, "TFTP_REFUSED",
              {{"peer", text_of(transfer->peer)}, {"why", error.what()}});
    refusal = error_packet(failure_of(error.code()), error.what());
  }
  if (!refusal.empty()) {
    const auto buffer = asio::buffer(refusal);
    co_await transfer->socket.async_send_to(buffer, transfer->peer, asio::use_awaitable);
    co_return;
  }
  co_await send_file(transfer, std::move(request), std::move(*file));
}

core::Task<void> Server::send_file(std::shared_ptr<Transfer> transfer, ReadRequest request,
                                   File file) {
  const std::shared_ptr<const core::Bytes> bytes(file.content, &file.content->bytes);
  Session session(bytes, request);
  const auto give_up = std::chrono::steady_clock::now() + bounds_.transfer_time;
  Step step = Step::send;
  while (step == Step::send || step == Step::wait) {
    if (std::chrono::steady_clock::now() >= give_up) {
      throw Error(Code::io, "the transfer took too long");
    }
    if (step == Step::send) {
      const auto buffer = asio::buffer(session.packet());
      co_await transfer->socket.async_send_to(buffer, transfer->peer, asio::use_awaitable);
    }
    const std::size_t count = co_await receive(*transfer, session.patience());
    if (count == 0) {
      step = session.timed_out();
    } else {
      step = session.take(core::BytesView(transfer->received).first(count));
      if (step == Step::send) transfer->acknowledged = true;
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

/// receive returns the size of the client's next datagram, or 0 when `patience` passed. Whoever
/// else sends to our port gets error 5 and changes nothing (RFC 1350 section 4).
core::Task<std::size_t> Server::receive(Transfer& transfer, std::chrono::milliseconds patience) {
  transfer.alarmed = false;
  transfer.timer.expires_after(patience);
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
  while (count == 0 && !failed && !transfer.alarmed) {
    core::udp::endpoint sender;
    auto token = asio::redirect_error(asio::use_awaitable, failed);
    count = co_await transfer.socket.async_receive_from(buffer, sender, token);
    if (!failed && sender != transfer.peer) {
      const core::Bytes stranger =
          error_packet(Failure::unknown_transfer, "this port serves another client");
      const auto answer = asio::buffer(stranger);
      error_code ignored;
      auto quiet = asio::redirect_error(asio::use_awaitable, ignored);
      co_await transfer.socket.async_send_to(answer, sender, quiet);
      count = 0;
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
  return {{"requests", requests_.load()}, {"completed", completed_.load()},
          {"failed", failed_.load()},     {"not_found", not_found_.load()},
          {"refused", refused_.load()},   {"dropped", dropped_.load()}};
}

}  // namespace ringfence::services::tftp

#include "services/tftp/server.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"

namespace ringfence::services::tftp {
namespace {

using core::Error;
using core::Level;
using namespace std::chrono_literals;

constexpr int kReceiveBufferBytes = 4 << 20;  // a whole site boots at once
constexpr int kRequestsAtOnce = 64;           // before running transfers have their turn

core::UdpSocket open_socket(const core::udp::endpoint& endpoint) {
  try {
    core::UdpSocket socket(endpoint);
    socket.ask_for_buffer(kReceiveBufferBytes);
    return socket;
  } catch (const Error& error) {
    throw Error(error.code(),
                fmt::format("tftp cannot listen on {}: {}", text_of(endpoint), error.what()));
  }
}

}  // namespace

Server::Server(core::asio::io_context& io, const Pools& pools, Source& files, FetchLog& fetches,
               const core::Clock& clock, const core::udp::endpoint& endpoint, Bounds bounds)
    : pools_(pools),
      bounds_(bounds),
      lending_(bounds.lending),
      occupancy_(bounds.transfers),
      socket_(open_socket(endpoint)),
      endpoint_(socket_.local()),
      desk_{io,
            pools_,
            files,
            fetches,
            clock,
            loop_,
            lending_,
            counters_,
            core::udp::endpoint(endpoint_.address(), 0),
            bounds.transfer_time,
            [this](const Transfer& transfer) { ended(transfer); }},
      work_(io.get_executor()) {
  loop_.watch(socket_.descriptor(), *this);
  thread_ = std::thread([this] { run(); });
}

Server::~Server() {
  loop_.post([this] {
    stop_listening();
    end_transfers();
  });
  thread_.join();
}

void Server::run() {
  while (listening_ || !transfers_.empty()) {
    loop_.run_once();
    const auto ended = std::exchange(ended_, {});
    for (const auto& one : ended) {
      if (!late_.empty()) seat_late(one->peer());
    }
  }
  work_.reset();
}

void Server::close() {
  loop_.post([this] { stop_listening(); });
}

void Server::stop_listening() {
  if (!std::exchange(listening_, false)) return;
  loop_.unwatch(*this);
  late_.clear();
  socket_ = core::UdpSocket();
  loop_.wake_at(*this, loop_.now() + bounds_.drain_time);
}

/// overdue gives up what came late, or, some time after `close`, what has not come to its end.
void Server::overdue(std::chrono::steady_clock::time_point now) {
  if (!listening_) {
    end_transfers();
    return;
  }
  for (; !late_.empty() && late_.front().until <= now; late_.pop_front()) drop(late_.front().peer);
  if (!late_.empty()) loop_.wake_at(*this, late_.front().until);
}

void Server::end_transfers() {
  while (!transfers_.empty()) transfers_.begin()->second->cut_short();
}

void Server::readable() {
  // One byte more than a request may have, so that a longer one is seen to be.
  std::array<std::uint8_t, kMaxRequestBytes + 1> datagram{};
  for (int i = 0; i < kRequestsAtOnce; ++i) {
    core::udp::endpoint peer;
    const std::optional<std::size_t> count = socket_.receive(datagram, peer);
    if (!count) return;
    const auto request = core::BytesView(datagram).first(*count);
    // Only requests deserve an answer: rubbish from a forged address must not be reflected.
    if (!is_request(request) || peer.port() == 0) continue;
    ++counters_.requests;
    if (!start(request, peer)) keep_late(request, peer);
  }
}

/// start begins a new transfer, unless the request is a repeated one. False when there is no seat.
bool Server::start(core::BytesView datagram, const core::udp::endpoint& peer) {
  const auto running = transfers_.find(peer);
  if (running != transfers_.end()) {
    const std::shared_ptr<Transfer> old = running->second;
    old->readable();  // its last acknowledgement may have come before the request
    if (!old->over() && old->asked_again(datagram)) return true;
  }
  const auto transfer = std::make_shared<Transfer>(desk_, datagram, peer);
  std::unique_ptr<core::Seat> seat = seat_for(transfer);
  if (!seat) return false;
  const auto old = transfers_.find(peer);
  if (old != transfers_.end()) old->second->cut_short();
  transfers_.emplace(peer, transfer);
  transfer->begin(std::move(seat));
  return true;
}

/// keep_late keeps a request for which there is no seat for a moment, until another transfer of its
/// address has ended: the last acknowledgement of the same client's last file, say, may be read
/// after it.
void Server::keep_late(core::BytesView datagram, const core::udp::endpoint& peer) {
  const auto key = core::peer_key(peer.address());
  const auto share = std::ranges::count_if(
      late_, [&](const Late& one) { return core::peer_key(one.peer.address()) == key; });
  if (late_.size() >= bounds_.late || static_cast<std::size_t>(share) >= bounds_.late_per_address) {
    drop(peer);
    return;
  }
  const auto until = loop_.now() + bounds_.late_time;
  late_.push_back({core::Bytes(datagram.begin(), datagram.end()), peer, until});
  loop_.wake_at(*this, late_.front().until);
}

void Server::drop(const core::udp::endpoint& peer) {
  if (counters_.dropped++ % 1000 != 0) return;
  core::log(Level::warning, "TFTP_BUSY",
            {{"peer", text_of(peer)}, {"transfers", std::to_string(transfers_.size())}});
}

/// seat_late begins what has waited longest of the address whose transfer has ended.
void Server::seat_late(const core::udp::endpoint& ended) {
  const auto key = core::peer_key(ended.address());
  const auto found = std::ranges::find_if(
      late_, [&](const Late& one) { return core::peer_key(one.peer.address()) == key; });
  if (found == late_.end()) return;
  if (start(found->request, found->peer)) late_.erase(found);
}

std::unique_ptr<core::Seat> Server::seat_for(const std::shared_ptr<Transfer>& transfer) {
  const std::weak_ptr<Transfer> known = transfer;
  return occupancy_.enter(transfer->peer().address(), [this, known] {
    loop_.post([known] {
      if (const auto displaced = known.lock()) displaced->cut_short();
    });
  });
}

void Server::ended(const Transfer& transfer) {
  const auto found = transfers_.find(transfer.peer());
  ended_.push_back(std::move(found->second));
  transfers_.erase(found);
}

boost::json::object Server::counters() const {
  return {{"requests", counters_.requests.load()}, {"completed", counters_.completed.load()},
          {"failed", counters_.failed.load()},     {"not_found", counters_.not_found.load()},
          {"refused", counters_.refused.load()},   {"dropped", counters_.dropped.load()},
          {"displaced", occupancy_.displaced()}};
}

}  // namespace ringfence::services::tftp

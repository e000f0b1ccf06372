// CAPF on the network.
#include "services/capf/server.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/crypto/digest.h"
#include "core/net/peer_address.h"
#include "core/net/tls_alert.h"

namespace ringfence::services::capf {
namespace {

namespace asio = core::asio;
using boost::system::error_code;
using core::Task;
using core::tcp;

/// first_session starts somewhere else at each start, so that ids tell runs apart in a log.
std::uint32_t first_session() {
  const core::Bytes bytes = core::random_bytes(2);
  return static_cast<std::uint32_t>(bytes[0] << 16 | bytes[1] << 8 | 1);
}

using HeaderBytes = std::array<std::uint8_t, kHeaderBytes>;

/// body_bytes returns how many bytes to read behind a header: none behind a bad one.
std::size_t body_bytes(const HeaderBytes& header) {
  try {
    return parse_header(header).length;
  } catch (const core::Error&) {
    return 0;  // `answer` parses it again and says why
  }
}

/// may_sign tells whether answering a message can need a signature: it brings a key.
bool may_sign(const HeaderBytes& header) {
  return header[1] == static_cast<std::uint8_t>(Command::key_generate_response);
}

/// message_in parses one whole message of `session`.
Message message_in(const Session& session, const HeaderBytes& header, core::BytesView body) {
  const Header parsed = parse_header(header);
  if (parsed.session != session.id()) {
    throw core::Error(core::Code::malformed, "the message has another session's id");
  }
  return parse_body(parsed, body);
}

}  // namespace

class Server::HangUp {
 public:
  /// `socket` is used on its strand only.
  HangUp(Server& server, std::uint32_t session, tcp::socket& socket)
      : server_(server), session_(session), socket_(std::make_shared<tcp::socket*>(&socket)) {
    auto close = [strand = socket.get_executor(), watched = socket_] {
      asio::post(strand, [watched] {
        error_code ignored;
        if (*watched != nullptr) (*watched)->close(ignored);
      });
    };
    const std::lock_guard lock(server_.mutex_);
    server_.hang_ups_.emplace(session_, std::move(close));
  }

  HangUp(const HangUp&) = delete;
  HangUp& operator=(const HangUp&) = delete;

  ~HangUp() {
    *socket_ = nullptr;
    const std::lock_guard lock(server_.mutex_);
    server_.hang_ups_.erase(session_);
  }

 private:
  Server& server_;
  const std::uint32_t session_;
  const std::shared_ptr<tcp::socket*> socket_;  // null once the connection is gone
};

Server::Server(asio::io_context& io, const Doors& doors, const Parts& parts, Bounds bounds,
               Patience patience)
    : parts_(parts),
      bounds_(bounds),
      patience_(patience),
      next_session_(first_session()),
      roster_([this](std::uint32_t session) { dismiss(session); }),
      occupancy_(bounds.connections),
      listener_(io, doors.endpoint, occupancy_, "capf",
                [this](tcp::socket socket, core::Seat& seat) {
                  return serve(std::move(socket), seat, Door::usual);
                }) {
  if (!doors.legacy) return;
  legacy_.emplace(io, *doors.legacy, occupancy_, "capf",
                  [this](tcp::socket socket, core::Seat& seat) {
                    return serve(std::move(socket), seat, Door::legacy);
                  });
}

std::optional<tcp::endpoint> Server::legacy_endpoint() const {
  if (!legacy_) return std::nullopt;
  return legacy_->endpoint();
}

void Server::close() {
  listener_.close();
  if (legacy_) legacy_->close();
}

Task<void> Server::serve(tcp::socket socket, core::Seat& seat, Door door) {
  const auto began = Latency::Clock::now();
  const std::string peer = core::peer_text(socket);
  std::shared_ptr<const Identity> identity;
  TrustWitness witness(parts_.records, peer);
  auto greeted = greet(std::move(socket), door, identity, witness);
  core::TlsStream stream = co_await std::move(greeted);
  handshakes_.add_since(began);

  const Session::Parts parts{parts_.records, *identity->issuer, roster_,  throttle_,
                             ca_failures_,   parts_.clock,      patience_};
  Session session(next_session_++, peer, parts);
  co_await converse(stream, session, seat, peer, witness);
}

Task<core::TlsStream> Server::greet(tcp::socket socket, Door door,
                                    std::shared_ptr<const Identity>& identity,
                                    TrustWitness& witness) {
  const core::SigningPool::Choose choose = [this, door, &identity, &witness] {
    identity = parts_.authority.current();
    witness.shows(identity->der);
    return door == Door::usual ? identity->tls : identity->legacy_tls;
  };
  auto shaken = parts_.signing.shake_hands(std::move(socket), choose, bounds_.handshake);
  try {
    core::TlsStream stream = co_await std::move(shaken);
    parts_.authority.health().worked();
    co_return stream;
  } catch (const core::Error& error) {
    // Without a signature TLS cannot say why: all that can be done is to hang up.
    parts_.authority.health().failed(error);
    throw;
  } catch (const boost::system::system_error& error) {
    if (const auto alert = core::certificate_alert(error.code())) witness.refused(*alert);
    throw;
  }
}

Task<void> Server::converse(core::TlsStream& stream, Session& session, core::Seat& seat,
                            const std::string& peer, TrustWitness& witness) {
  // A stopping server lets the step at hand come to its end: what a phone confirmed is recorded.
  co_await asio::this_coro::throw_if_cancelled(false);
  const HangUp hang_up(*this, session.id(), stream.next_layer());
  core::Deadline deadline(stream.next_layer(), bounds_.work);
  error_code failed;
  auto token = asio::redirect_error(asio::use_awaitable, failed);
  Turn turn = session.open();
  std::optional<Latency::Clock::time_point> asked;
  while (true) {
    // 1. Send what the session says, in one piece.
    if (turn.send) {
      const bool certificate = std::holds_alternative<StoreRequest>(*turn.send);
      const core::Bytes bytes = encode(session.id(), *turn.send);
      turn.send.reset();
      const auto whole = asio::buffer(bytes);
      deadline.extend(bounds_.work);
      co_await asio::async_write(stream, whole, token);
      if (failed) break;
      if (asked) answers_.add_since(*asked);
      auto sent = [&session] { session.sent(); };
      if (certificate) {
        co_await core::run_on(parts_.pool, sent);  // which records the delivery
      } else {
        sent();
      }
    }
    if (!turn.wait) break;

    // 2. Wait for the phone, which may be making a key.
    const asio::cancellation_state stopping = co_await asio::this_coro::cancellation_state;
    if (stopping.cancelled() != asio::cancellation_type::none) {
      failed = asio::error::operation_aborted;
      break;
    }
    deadline.extend(*turn.wait);
    HeaderBytes header{};
    const auto fixed = asio::buffer(header);
    co_await asio::async_read(stream, fixed, token);
    if (failed) break;
    core::Bytes body(body_bytes(header));
    const auto rest = asio::buffer(body);
    if (!body.empty()) co_await asio::async_read(stream, rest, token);
    if (failed) break;
    asked = Latency::Clock::now();

    // 3. Judge, sign and record on a pool.
    deadline.extend(bounds_.work);
    std::optional<std::chrono::minutes> idle;
    auto judge = [&] { return answer(session, header, body, seat, peer, witness, idle); };
    if (may_sign(header)) {
      turn = co_await parts_.signing.run(judge, core::peer_address(peer));
    } else {
      turn = co_await core::run_on(parts_.pool, judge);
    }
    if (session.at_work()) seat.heard(core::Seat::Stage::working);
    if (idle) core::keep_alive(stream.next_layer(), *idle);
  }
  if (failed) {
    const asio::cancellation_state stopping = co_await asio::this_coro::cancellation_state;
    const bool stopped = stopping.cancelled() != asio::cancellation_type::none;
    if (seat.displaced()) {
      core::log(core::Level::warning, "CAPF_CROWDED", {{"peer", peer}});
    }
    auto loss = seat.displaced() ? Session::Loss::displaced : Session::Loss::closed;
    if (stopped && failed == asio::error::operation_aborted) loss = Session::Loss::stopped;
    if (deadline.expired()) loss = Session::Loss::timeout;
    if (loss == Session::Loss::closed) witness.hung_up();
    auto lose = [&session, loss] { session.lost(loss); };
    co_await core::run_on(parts_.pool, lose);
    co_return;
  }
  deadline.extend(bounds_.goodbye);
  co_await stream.async_shutdown(token);
}

/// answer gives one message to the session. `idle` becomes the time after which the connection is
/// kept alive, once the phone has said who it is: what follows may take it half an hour.
Turn Server::answer(Session& session, const HeaderBytes& header, core::BytesView body,
                    const core::Seat& seat, const std::string& peer, TrustWitness& witness,
                    std::optional<std::chrono::minutes>& idle) {
  std::optional<Message> message;
  try {
    message = message_in(session, header, body);
  } catch (const core::Error& error) {
    return session.reject(error);
  }
  if (const auto* who = std::get_if<AuthResponse>(&*message)) {
    witness.spoke(who->device);
    if (auto turn = turn_away(who->device, session.id(), seat, peer)) return std::move(*turn);
    try {
      idle = std::chrono::minutes(parts_.records.policy().keep_alive_minutes);
    } catch (const core::Error& error) {
      core::log(core::Level::error, "CAPF_POLICY_UNREADABLE", {{"error", error.what()}});
    }
  }
  return session.feed(*message);
}

/// turn_away tells a phone to come back when what it would begin now could not be finished: better
/// now than after it has worked on a key for half an hour.
std::optional<Turn> Server::turn_away(const std::string& device, std::uint32_t session,
                                      const core::Seat& seat, const std::string& peer) {
  std::string_view why;
  if (parts_.signing.waiting() > bounds_.signatures) {
    why = "too much waits for the signer";
  } else if (parts_.authority.health().fails()) {
    why = "the signer does not sign";
  } else if (occupancy_.count(core::Seat::Stage::working) >= bounds_.sessions &&
             !(parts_.records.phone(device) && occupancy_.make_room(seat))) {
    why = "too many phones are connected";  // nor for who names no phone does anybody give way
  } else {
    return std::nullopt;
  }
  const auto spread = std::max<std::chrono::seconds::rep>(patience_.retry.count(), 1);
  const auto delay = patience_.retry + std::chrono::seconds(session % spread);
  if (turned_away_++ % 1000 == 0) {
    core::log(core::Level::warning, "CAPF_TURNED_AWAY",
              {{"device", device}, {"peer", peer}, {"why", std::string(why)}});
  }
  if (parts_.records.phone(device)) {
    parts_.records.happened(
        {0, parts_.clock.now(), device, peer, "retry_later",
         fmt::format("{}; the phone was told to come back in {} s", why, delay.count())});
  }
  return Turn{RetryLater{delay}, {}};
}

void Server::dismiss(std::uint32_t session) {
  std::function<void()> hang_up;
  {
    const std::lock_guard lock(mutex_);
    const auto at = hang_ups_.find(session);
    if (at != hang_ups_.end()) hang_up = at->second;
  }
  if (hang_up) hang_up();
}

}  // namespace ringfence::services::capf

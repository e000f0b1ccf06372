// CAPF on the network.
#include "services/capf/server.h"

#include <array>
#include <utility>

#include "core/base/error.h"
#include "core/crypto/digest.h"

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

/// answer gives one message to the session.
Turn answer(Session& session, const HeaderBytes& header, core::BytesView body) {
  std::optional<Message> message;
  try {
    const Header parsed = parse_header(header);
    if (parsed.session != session.id()) {
      throw core::Error(core::Code::malformed, "the message has another session's id");
    }
    message = parse_body(parsed, body);
  } catch (const core::Error& error) {
    return session.reject(error);
  }
  return session.feed(*message);
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

Server::Server(asio::io_context& io, const tcp::endpoint& endpoint, const Parts& parts,
               Bounds bounds, Patience patience)
    : parts_(parts),
      bounds_(bounds),
      patience_(patience),
      next_session_(first_session()),
      roster_([this](std::uint32_t session) { dismiss(session); }),
      listener_(io, endpoint, bounds.connections, "capf",
                [this](tcp::socket socket) { return serve(std::move(socket)); }) {}

Task<void> Server::serve(tcp::socket socket) {
  const std::string peer = core::peer_text(socket);
  auto known = [this] { return parts_.authority.known(); };
  std::shared_ptr<const Identity> identity = co_await core::run_on(parts_.pool, known);
  if (!identity) {
    auto current = [this] { return parts_.authority.current(); };
    identity = co_await parts_.signing.run(current);
  }
  auto shaken = parts_.signing.shake_hands(std::move(socket), identity->tls, bounds_.handshake);
  core::TlsStream stream = co_await std::move(shaken);

  const Session::Parts parts{parts_.records, *identity->issuer, roster_,
                             throttle_,      parts_.clock,      patience_};
  Session session(next_session_++, peer, parts);
  co_await converse(stream, session);
}

Task<void> Server::converse(core::TlsStream& stream, Session& session) {
  // A stopping server lets the step at hand come to its end: what a phone confirmed is recorded.
  co_await asio::this_coro::throw_if_cancelled(false);
  const HangUp hang_up(*this, session.id(), stream.next_layer());
  core::Deadline deadline(stream.next_layer(), bounds_.work);
  error_code failed;
  auto token = asio::redirect_error(asio::use_awaitable, failed);
  HeaderBytes header{};
  core::Bytes body;
  Turn turn = session.open();
  while (true) {
    // 1. Send what the session says, in one piece.
    if (turn.send) {
      const core::Bytes bytes = encode(session.id(), *turn.send);
      const auto whole = asio::buffer(bytes);
      deadline.extend(bounds_.work);
      co_await asio::async_write(stream, whole, token);
      if (failed) break;
      auto sent = [&session] { session.sent(); };
      co_await core::run_on(parts_.pool, sent);
    }
    if (!turn.wait) break;

    // 2. Wait for the phone, which may be making a key.
    const asio::cancellation_state stopping = co_await asio::this_coro::cancellation_state;
    if (stopping.cancelled() != asio::cancellation_type::none) {
      failed = asio::error::operation_aborted;
      break;
    }
    deadline.extend(*turn.wait);
    const auto fixed = asio::buffer(header);
    co_await asio::async_read(stream, fixed, token);
    if (failed) break;
    body.resize(body_bytes(header));
    const auto rest = asio::buffer(body);
    co_await asio::async_read(stream, rest, token);
    if (failed) break;

    // 3. Judge, sign and record on a pool.
    deadline.extend(bounds_.work);
    auto judge = [&] { return answer(session, header, body); };
    if (may_sign(header)) {
      turn = co_await parts_.signing.run(judge);
    } else {
      turn = co_await core::run_on(parts_.pool, judge);
    }
  }
  if (failed) {
    const auto loss = deadline.expired() ? Session::Loss::timeout : Session::Loss::closed;
    auto lose = [&session, loss] { session.lost(loss); };
    co_await core::run_on(parts_.pool, lose);
    co_return;
  }
  deadline.extend(bounds_.goodbye);
  co_await stream.async_shutdown(token);
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

#include "core/net/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <cctype>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/net/socket_buffers.h"

namespace ringfence::core {
namespace {

using namespace std::chrono_literals;
using boost::system::error_code;

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

tcp::acceptor open_acceptor(asio::io_context& io, const tcp::endpoint& endpoint,
                            const std::string& name) {
  try {
    tcp::acceptor acceptor(asio::make_strand(io));
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.bind(endpoint);
    bound_buffers(acceptor);
    acceptor.listen();
    return acceptor;
  } catch (const boost::system::system_error& error) {
    const bool taken = error.code() == asio::error::address_in_use;
    throw Error(taken ? Code::conflict : Code::io,
                fmt::format("{} cannot listen on {}:{}: {}", name, endpoint.address().to_string(),
                            endpoint.port(), error.code().message()));
  }
}

/// Connection is what `close` needs of a running handler: where it runs, and how to cancel it.
struct Connection {
  asio::any_io_executor strand;
  asio::ip::address address;
  std::string peer;
  std::unique_ptr<Seat> seat;
  asio::cancellation_signal signal;  // on the strand only, as is what follows
  bool cancelled = false;
};

void cancel(const std::shared_ptr<Connection>& connection) {
  asio::post(connection->strand, [connection] {
    connection->cancelled = true;
    connection->signal.emit(asio::cancellation_type::terminal);
  });
}

}  // namespace

struct TcpListener::Shared : std::enable_shared_from_this<Shared> {
  Shared(asio::io_context& context, const tcp::endpoint& at, std::shared_ptr<Occupancy> seats,
         std::string label, Handler handler)
      : io(context),
        occupancy(std::move(seats)),
        name(std::move(label)),
        event(upper(name)),
        handle(std::move(handler)),
        acceptor(open_acceptor(context, at, name)),
        endpoint(acceptor.local_endpoint()),
        backoff(acceptor.get_executor()) {}

  Task<void> accept_all(std::shared_ptr<Shared> self) {
    while (self->acceptor.is_open()) {
      tcp::socket socket(asio::make_strand(io));
      error_code failed;
      auto token = asio::redirect_error(asio::use_awaitable, failed);
      co_await acceptor.async_accept(socket, token);
      if (!failed) {
        failing = false;
        start(std::move(socket));
      } else if (self->acceptor.is_open()) {
        // Whatever it is, such as too many open files, it may last: never spin on it.
        if (!std::exchange(failing, true)) {
          log(Level::warning, event + "_ACCEPT_FAILED", {{"why", failed.message()}});
        }
        backoff.expires_after(100ms);
        co_await backoff.async_wait(token);
      }
    }
  }

  void start(tcp::socket socket) {
    error_code gone;
    const tcp::endpoint from = socket.remote_endpoint(gone);
    if (gone) return;
    socket.set_option(tcp::no_delay(true), gone);
    auto connection = std::make_shared<Connection>();
    connection->strand = socket.get_executor();
    connection->address = from.address();
    connection->peer = peer_text(socket);
    if (!admit(connection)) return;
    bound_buffers(socket, connection->seat->crowd());
    end_when_stuck(socket, occupancy->limits().stuck);
    // Begun on its strand: `close` may cancel it already, and a signal has no locks.
    auto begin = [self = shared_from_this(), connection, socket = std::move(socket)]() mutable {
      self->begin(connection, std::move(socket));
    };
    asio::post(connection->strand, std::move(begin));
  }

  void begin(const std::shared_ptr<Connection>& connection, tcp::socket socket) {
    if (connection->cancelled) return leave(connection);
    auto on_end = [self = shared_from_this(), connection](const std::exception_ptr& failure) {
      self->ended(*connection, failure);
      self->leave(connection);
    };
    asio::co_spawn(connection->strand, handle(std::move(socket), *connection->seat),
                   asio::bind_cancellation_slot(connection->signal.slot(), std::move(on_end)));
  }

  bool admit(const std::shared_ptr<Connection>& connection) {
    const std::lock_guard lock(mutex);
    if (closed) return false;
    const std::weak_ptr<Connection> known = connection;
    connection->seat = occupancy->enter(connection->address, [known] {
      if (const auto displaced = known.lock()) cancel(displaced);
    });
    if (!connection->seat) {
      complain("_BUSY", connection->peer, "too many connections");
      return false;
    }
    connections.emplace(connection.get(), connection);
    return true;
  }

  void leave(const std::shared_ptr<Connection>& connection) {
    const std::lock_guard lock(mutex);
    connections.erase(connection.get());
    connection->seat.reset();
  }

  void ended(const Connection& connection, const std::exception_ptr& failure) noexcept {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const boost::system::system_error& error) {
      // A peer that went away, a deadline, or our own close: everyday.
      const bool ours = error.code() == asio::error::operation_aborted;
      if (ours && connection.seat->displaced()) {
        return complain("_CROWDED", connection.peer, "it gave way to another peer's connection");
      }
      log(ours ? Level::debug : Level::info, event + "_CONNECTION_ENDED",
          {{"peer", connection.peer}, {"why", error.code().message()}});
    } catch (const std::exception& error) {
      log(Level::warning, event + "_CONNECTION_REFUSED",
          {{"peer", connection.peer}, {"why", error.what()}});
    }
  }

  /// complain logs at most one line a second: a flood of peers must not become a flood of lines.
  /// Any thread.
  void complain(std::string_view what, const std::string& peer, const std::string& why) {
    const auto now = std::chrono::steady_clock::now();
    auto before = complained.load();
    if (now - before < 1s || !complained.compare_exchange_strong(before, now)) return;
    log(Level::warning, event + std::string(what), {{"peer", peer}, {"why", why}});
  }

  void close() {
    std::vector<std::shared_ptr<Connection>> open;
    {
      const std::lock_guard lock(mutex);
      if (closed) return;
      closed = true;
      for (const auto& [key, connection] : connections) open.push_back(connection);
    }
    asio::post(acceptor.get_executor(), [self = shared_from_this()] {
      error_code ignored;
      self->acceptor.close(ignored);
      self->backoff.cancel();
    });
    for (const auto& connection : open) cancel(connection);
  }

  asio::io_context& io;
  const std::shared_ptr<Occupancy> occupancy;
  const std::string name;
  const std::string event;
  const Handler handle;
  std::atomic<std::chrono::steady_clock::time_point> complained{};
  tcp::acceptor acceptor;  // on its strand only, as is what follows
  const tcp::endpoint endpoint;
  asio::steady_timer backoff;
  bool failing = false;  // since the last connection

  std::mutex mutex;
  bool closed = false;
  std::unordered_map<const Connection*, std::shared_ptr<Connection>> connections;
};

TcpListener::TcpListener(asio::io_context& io, const tcp::endpoint& endpoint, Limits limits,
                         std::string name, Handler handler)
    : shared_(std::make_shared<Shared>(io, endpoint, std::make_shared<Occupancy>(limits),
                                       std::move(name), std::move(handler))) {
  start();
}

TcpListener::TcpListener(asio::io_context& io, const tcp::endpoint& endpoint, Occupancy& occupancy,
                         std::string name, Handler handler)
    : shared_(std::make_shared<Shared>(
          io, endpoint, std::shared_ptr<Occupancy>(std::shared_ptr<void>(), &occupancy),
          std::move(name), std::move(handler))) {
  start();
}

void TcpListener::start() {
  asio::co_spawn(shared_->acceptor.get_executor(), shared_->accept_all(shared_), asio::detached);
}

TcpListener::~TcpListener() {
  close();
}

tcp::endpoint TcpListener::endpoint() const {
  return shared_->endpoint;
}

std::size_t TcpListener::connections() const noexcept {
  const std::lock_guard lock(shared_->mutex);
  return shared_->connections.size();
}

void TcpListener::close() {
  shared_->close();
}

struct Deadline::State : std::enable_shared_from_this<State> {
  explicit State(tcp::socket& watched) : socket(&watched), timer(watched.get_executor()) {}

  void arm() {
    timer.expires_at(end);
    timer.async_wait([self = shared_from_this()](const error_code& cancelled) {
      // A handler may be queued already when its timer is set anew: the time tells.
      if (cancelled || self->socket == nullptr) return;
      if (self->timer.expiry() > std::chrono::steady_clock::now()) return;
      if (self->end > self->timer.expiry()) return self->arm();
      self->expired = true;
      error_code ignored;
      self->socket->close(ignored);
    });
  }

  tcp::socket* socket;  // null once the Deadline is gone
  asio::steady_timer timer;
  std::chrono::steady_clock::time_point end;
  bool expired = false;
};

Deadline::Deadline(tcp::socket& socket, std::chrono::steady_clock::duration after)
    : state_(std::make_shared<State>(socket)) {
  state_->end = std::chrono::steady_clock::now() + after;
  state_->arm();
}

Deadline::~Deadline() {
  state_->socket = nullptr;
  state_->timer.cancel();
}

void Deadline::extend(std::chrono::steady_clock::duration after) {
  state_->end = std::chrono::steady_clock::now() + after;
  // A later end is seen when the timer rings for the earlier one: most never do.
  if (state_->end < state_->timer.expiry()) state_->arm();
}

bool Deadline::expired() const noexcept {
  return state_->expired;
}

std::string peer_text(const tcp::socket& socket) {
  error_code gone;
  const tcp::endpoint peer = socket.remote_endpoint(gone);
  if (gone) return "unknown";
  return fmt::format("{}:{}", peer.address().to_string(), peer.port());
}

void keep_alive(tcp::socket& socket, std::chrono::seconds idle) noexcept {
  const int on = 1;
  const auto seconds = static_cast<int>(idle.count());
  const int fd = socket.native_handle();
  // A socket that was closed meanwhile needs none.
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  end_when_stuck(socket, 0ms);  // which would count one lost probe as the end
}

}  // namespace ringfence::core

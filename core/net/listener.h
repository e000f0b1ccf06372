// Accepting TCP connections within limits, one strand and one coroutine each.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "core/net/asio.h"

namespace ringfence::core {

/// Limits bound what peers can take: more connections are closed at once, with one log line.
struct Limits {
  std::size_t connections = 4096;
  std::size_t per_address = 4096;  ///< from one IP address; whole sites may sit behind one
};

/// TcpListener accepts until `close`. A silent or slow client never delays another's accept.
///
/// `handler` is a coroutine started on the connection's own strand; what it throws is logged with
/// the peer and ends that connection alone. The handler must outlive the connections: it is kept by
/// the listener, which must outlive `io.run()`. Throws Error{conflict} when the port is taken.
class TcpListener {
 public:
  using Handler = std::function<Task<void>(tcp::socket)>;

  /// `name` starts the log lines, e.g. "capf".
  TcpListener(asio::io_context& io, const tcp::endpoint& endpoint, Limits limits,
              std::string name, Handler handler);
  ~TcpListener();
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;

  /// endpoint is where it listens; port 0 was replaced by the real one.
  tcp::endpoint endpoint() const;
  std::size_t connections() const noexcept;
  void close();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

/// Deadline closes `socket` when `after` has passed since the last `extend`, which makes the
/// pending operation fail; lives inside one coroutine on the socket's strand.
class Deadline {
 public:
  Deadline(tcp::socket& socket, std::chrono::steady_clock::duration after);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void extend(std::chrono::steady_clock::duration after);
  bool expired() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// run_on runs `work` on `pool` and resumes the awaiting coroutine on its own executor: for
/// signing, SQLite and files. `work` is a named callable that outlives the await (STYLE 2.6).
template <typename Work>
auto run_on(asio::thread_pool& pool, Work& work) -> Task<std::invoke_result_t<Work&>>;

/// peer_text returns "address:port", or "unknown" for a socket that is closed already.
std::string peer_text(const tcp::socket& socket);

}  // namespace ringfence::core

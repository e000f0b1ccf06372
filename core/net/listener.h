// Accepting TCP connections within limits, one strand and one coroutine each.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "core/net/asio.h"
#include "core/net/occupancy.h"

namespace ringfence::core {

/// TcpListener accepts until `close`. A silent or slow client never delays another's accept.
///
/// `handler` is a coroutine started on the connection's own strand; what it throws is logged with
/// the peer and ends that connection alone. It says in its Seat how far the peer has come (until
/// then it is fresh, and first to give way); who has to give way is cancelled as by `close`. The
/// handler must outlive the connections: it is kept by the listener, which must outlive `io.run()`.
/// What a connection holds in the kernel is bounded (see buffer_bytes), and it ends when its peer
/// takes nothing of what waits for it for Limits::stuck. Throws Error{conflict} when the port is
/// taken.
class TcpListener {
 public:
  using Handler = std::function<Task<void>(tcp::socket, Seat&)>;

  /// `name` starts the log lines, e.g. "capf".
  TcpListener(asio::io_context& io, const tcp::endpoint& endpoint, Limits limits, std::string name,
              Handler handler);
  /// The same with limits that it shares with other listeners; `occupancy` outlives `io.run()` too.
  TcpListener(asio::io_context& io, const tcp::endpoint& endpoint, Occupancy& occupancy,
              std::string name, Handler handler);
  ~TcpListener();
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;

  /// endpoint is where it listens; port 0 was replaced by the real one.
  tcp::endpoint endpoint() const;
  std::size_t connections() const noexcept;

  /// close stops accepting and cancels what the connections wait for, so that their coroutines
  /// end with operation_aborted. Any thread, more than once.
  void close();

 private:
  struct Shared;

  void start();

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
/// databases and files (SigningPool::run is for what may wait for the signer). `work` is a named
/// callable that outlives the await (STYLE 2.6); it must not touch the socket, which a Deadline may
/// close meanwhile. What it throws is rethrown.
template <typename Work>
auto run_on(asio::thread_pool& pool, Work& work) -> Task<std::invoke_result_t<Work&>> {
  using Result = std::invoke_result_t<Work&>;
  std::exception_ptr failure;
  std::conditional_t<std::is_void_v<Result>, char, std::optional<Result>> result{};
  // The coroutine stays suspended while the pool works, so nothing of it is used by two threads.
  auto initiate = [&](auto handler) {
    auto home = asio::make_work_guard(asio::get_associated_executor(handler));
    auto on_pool = [&, handler = std::move(handler), home = std::move(home)]() mutable {
      try {
        if constexpr (std::is_void_v<Result>) {
          work();
        } else {
          result.emplace(work());
        }
      } catch (...) {
        failure = std::current_exception();
      }
      const auto executor = home.get_executor();
      asio::post(executor, std::move(handler));
    };
    asio::post(pool, std::move(on_pool));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(initiate,
                                                                        asio::use_awaitable);
  if (failure) std::rethrow_exception(failure);
  if constexpr (!std::is_void_v<Result>) co_return std::move(*result);
}

/// peer_text returns "address:port", or "unknown" for a socket that is closed already.
std::string peer_text(const tcp::socket& socket);

/// keep_alive has TCP ask a silent peer for a sign of life after `idle`, and again each time: so
/// that a firewall between does not forget the connection, and a vanished peer is noticed. From
/// then on TCP's own patience holds, not Limits::stuck.
void keep_alive(tcp::socket& socket, std::chrono::seconds idle) noexcept;

}  // namespace ringfence::core

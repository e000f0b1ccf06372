// Threads of their own for whatever waits for a signature, TLS handshakes above all.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "core/net/listener.h"
#include "core/net/tls_stream.h"

namespace ringfence::core {

/// SigningPool is where a daemon waits for the signer, so that nothing else of it has to.
///
/// A signature is a blocking round trip: about a millisecond, but as long as the signer's client is
/// patient (10 s) when the token hangs. Whatever may sign runs here; the io threads and the pool
/// for SQLite and files never do. Whoever awaits is suspended meanwhile and holds no thread.
///
/// Must outlive the coroutines that use it and end before the Token whose keys they use.
class SigningPool {
 public:
  struct Bounds {
    /// As many signatures are under way at once; the signer queues 256 of one client.
    std::size_t threads = 64;
    /// Further handshakes are refused when so much waits: a core signs this many with RSA 2048 in
    /// 2.5 s, so what stood behind them would hardly be done before its deadline.
    std::size_t waiting = 4096;
  };

  explicit SigningPool(Bounds bounds);

  SigningPool() : SigningPool(Bounds{}) {}

  SigningPool(const SigningPool&) = delete;
  SigningPool& operator=(const SigningPool&) = delete;
  ~SigningPool();  ///< closes, and waits for what has begun

  /// run runs `work` as run_on does. Throws system_error{operation_aborted} when the pool was
  /// closed before it began.
  template <typename Work>
  auto run(Work& work) -> Task<std::invoke_result_t<Work&>> {
    const Counted counted(waiting_);
    auto begin = [&] {
      if (closed_) throw boost::system::system_error(asio::error::operation_aborted);
      return work();
    };
    auto done = run_on(threads_, begin);
    co_return co_await std::move(done);
  }

  /// Choose returns the context of a handshake (make_tls_server). It is called once, on the pool,
  /// when the peer has said something: it may wait for the disk and for the signer.
  using Choose = std::function<std::shared_ptr<asio::ssl::context>()>;

  /// shake_hands makes a TLS stream of `socket` as the server of the context chosen.
  ///
  /// Waits for the peer on the socket's strand, where it must be called; a step of OpenSSL that
  /// signs runs on the pool. After `patience` the peer's connection is shut down, also while a
  /// signature hangs, and the coroutine ends with the step. Throws system_error: timed_out, what
  /// ended the connection, OpenSSL's reason when the peer's bytes are no good, connection_refused
  /// above the bound (with a line TLS_BUSY for each thousand); Error as Token::key when the token
  /// could not sign; and what `choose` throws.
  Task<TlsStream> shake_hands(tcp::socket socket, Choose choose,
                              std::chrono::steady_clock::duration patience);

  /// close lets end at once what has not begun. Any thread, more than once.
  void close() noexcept { closed_ = true; }

  /// waiting counts what runs or is queued, handshakes that wait for their peer not included.
  std::size_t waiting() const noexcept { return waiting_; }

 private:
  class Counted {
   public:
    explicit Counted(std::atomic<std::size_t>& count) : count_(count) { ++count_; }

    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

    ~Counted() { --count_; }

   private:
    std::atomic<std::size_t>& count_;
  };

  void admit(const tcp::socket& socket);

  const Bounds bounds_;
  std::atomic<bool> closed_ = false;
  std::atomic<std::size_t> waiting_ = 0;
  std::atomic<std::size_t> refused_ = 0;
  asio::thread_pool threads_;
};

}  // namespace ringfence::core

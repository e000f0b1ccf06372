// Threads of their own for whatever waits for a signature, TLS handshakes above all.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/net/fair_queue.h"
#include "core/net/listener.h"
#include "core/net/tls_stream.h"

namespace ringfence::core {

/// SigningPool is where a daemon waits for the signer, so that nothing else of it has to.
///
/// A signature is a blocking round trip: about a millisecond, but as long as the signer's client is
/// patient (10 s) when the token hangs. Whatever may sign runs here; the io threads and the pool
/// for databases and files never do. Whoever awaits is suspended meanwhile and holds no thread.
///
/// What waits for a thread stands in line by peer, and each peer has its turn (FairQueue): one host
/// with a thousand handshakes is one of many, and when all places are taken the newest of the
/// longest line is refused.
///
/// Must outlive the coroutines that use it and end before the Token whose keys they use.
class SigningPool {
 public:
  struct Bounds {
    /// As many signatures are under way at once; the signer queues 256 of one client.
    std::size_t threads = 64;
    /// What waits for a thread at most: a core signs this many with RSA 2048 in 2.5 s, so what
    /// stood behind them would hardly be done before its deadline.
    std::size_t waiting = 4096;
  };

  explicit SigningPool(Bounds bounds);

  SigningPool() : SigningPool(Bounds{}) {}

  SigningPool(const SigningPool&) = delete;
  SigningPool& operator=(const SigningPool&) = delete;
  ~SigningPool();  ///< closes, and waits for what has begun

  /// run runs `work` as run_on does, when it is the turn of `peer` for whom it is. Throws
  /// system_error: operation_aborted when the pool was closed before it began, connection_refused
  /// when there was no place (with a line TLS_BUSY for each thousand).
  template <typename Work>
  auto run(Work& work, asio::ip::address peer) -> Task<std::invoke_result_t<Work&>> {
    using Result = std::invoke_result_t<Work&>;
    const Counted counted(waiting_);
    std::exception_ptr failure;
    std::conditional_t<std::is_void_v<Result>, char, std::optional<Result>> result{};
    // The coroutine stays suspended meanwhile, so nothing of it is used by two threads.
    auto begin = [&](Fate fate) noexcept {
      try {
        if (fate == Fate::refused)
          throw boost::system::system_error(asio::error::connection_refused);
        if (closed_) throw boost::system::system_error(asio::error::operation_aborted);
        if constexpr (std::is_void_v<Result>) {
          work();
        } else {
          result.emplace(work());
        }
      } catch (...) {
        failure = std::current_exception();
      }
    };
    auto initiate = [&](auto handler) {
      enqueue(peer, std::make_unique<JobOf<decltype(begin), decltype(handler)>>(
                        begin, std::move(handler)));
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(initiate,
                                                                          asio::use_awaitable);
    if (failure) std::rethrow_exception(failure);
    if constexpr (!std::is_void_v<Result>) co_return std::move(*result);
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
  /// as `run`; Error as Token::key when the token
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

  enum class Fate { begins, refused };

  /// Job waits for its turn; `end` is called once.
  struct Job {
    virtual ~Job() = default;
    virtual void end(Fate fate) = 0;
  };

  template <typename Begin, typename Handler>
  struct JobOf final : Job {
    JobOf(Begin& to_begin, Handler to_resume)
        : begin(to_begin),
          handler(std::move(to_resume)),
          home(asio::make_work_guard(asio::get_associated_executor(handler))) {}

    void end(Fate fate) override {
      begin(fate);
      const auto executor = home.get_executor();
      asio::post(executor, std::move(handler));
    }

    Begin& begin;
    Handler handler;
    asio::executor_work_guard<asio::associated_executor_t<Handler>> home;
  };

  struct Waiting {
    asio::ip::address peer;
    std::unique_ptr<Job> job;
  };

  void enqueue(const asio::ip::address& peer, std::unique_ptr<Job> job);
  void refuse(const Waiting& waiting);
  void run_next();

  std::atomic<bool> closed_ = false;
  std::atomic<std::size_t> waiting_ = 0;
  std::atomic<std::size_t> refused_ = 0;
  std::mutex mutex_;  // for what follows
  FairQueue<Waiting> queue_;
  asio::thread_pool threads_;
};

}  // namespace ringfence::core

#include "core/net/signing_pool.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/net/tls.h"

namespace ringfence::core {
namespace {

using boost::system::error_code;
using boost::system::system_error;

/// Alarm shuts a connection down when its handshake takes too long. It does not close the socket,
/// as Deadline does: a thread may be reading from its descriptor, which would be another's soon.
class Alarm {
 public:
  Alarm(tcp::socket& socket, std::chrono::steady_clock::duration after)
      : state_(std::make_shared<State>()), timer_(socket.get_executor(), after) {
    state_->socket = &socket;
    timer_.async_wait([state = state_](const error_code& cancelled) {
      if (cancelled || state->socket == nullptr) return;
      state->rang = true;
      error_code gone;
      state->socket->shutdown(tcp::socket::shutdown_both, gone);
    });
  }

  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  ~Alarm() { state_->socket = nullptr; }

  /// rang is for any thread.
  bool rang() const noexcept { return state_->rang; }

 private:
  struct State {
    tcp::socket* socket = nullptr;  // null once the Alarm is gone
    std::atomic<bool> rang = false;
  };

  std::shared_ptr<State> state_;
  asio::steady_timer timer_;
};

/// why_it_failed drains OpenSSL's queue: an Error for our token and for a peer whose certificate is
/// not believed, a system_error for everything else of the peer.
std::exception_ptr why_it_failed(const SSL& tls) {
  const unsigned long first = ERR_peek_error();
  try {
    throw_openssl("TLS handshake");
  } catch (const Error& error) {
    if (error.code() != Code::internal) return std::current_exception();
  }
  if (const std::string* refused = peer_refusal(tls))
    return std::make_exception_ptr(Error(Code::refused, "the peer's certificate: " + *refused));
  const error_code reason(static_cast<int>(first), asio::error::get_ssl_category());
  return std::make_exception_ptr(system_error(reason));
}

/// Handshake is OpenSSL's side. It reads from the socket's descriptor itself; what it writes is
/// kept in memory for the io threads to send.
class Handshake {
 public:
  enum class Step { wait, done, failed };

  Handshake(asio::ssl::context& context, tcp::socket& socket)
      : ssl_(ensure(SSL_new(context.native_handle()), "SSL_new")) {
    Bio input(ensure(BIO_new_socket(socket.native_handle(), BIO_NOCLOSE), "BIO_new_socket"));
    output_ = ensure(BIO_new(BIO_s_mem()), "BIO_new");
    SSL_set_bio(ssl_.get(), input.release(), output_);
    SSL_set_read_ahead(ssl_.get(), 1);  // one read a message, not one for its head and one for it
    SSL_set_accept_state(ssl_.get());
  }

  /// step goes as far as the bytes that have come reach. Blocks for a signature.
  Step step() noexcept {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) return Step::done;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) return Step::wait;
    failure_ = error == SSL_ERROR_SSL ? why_it_failed(*ssl_)
                                      : std::make_exception_ptr(system_error(asio::error::eof));
    return Step::failed;
  }

  /// signed_already tells that our signature has left, so that further steps make none: up to TLS
  /// 1.2 before ServerHelloDone, in TLS 1.3 before our Finished.
  bool signed_already() const noexcept {
    std::uint8_t finished = 0;
    return SSL_get_state(ssl_.get()) == TLS_ST_SW_SRVR_DONE ||
           SSL_get_finished(ssl_.get(), &finished, sizeof finished) > 0;
  }

  /// failure is why `step` failed.
  const std::exception_ptr& failure() const noexcept { return failure_; }

  /// output is what to send before the next step.
  asio::const_buffer output() const {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(output_, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
  }

  void sent() { BIO_reset(output_); }

  /// release gives the connection away when it is done; from now on it writes to the socket.
  Ssl release() {
    BIO* const socket = SSL_get_rbio(ssl_.get());
    BIO_up_ref(socket);
    SSL_set0_wbio(ssl_.get(), socket);
    return std::move(ssl_);
  }

 private:
  Ssl ssl_;
  BIO* output_;  // the SSL's
  std::exception_ptr failure_;
};

}  // namespace

SigningPool::SigningPool(Bounds bounds)
    : queue_({bounds.waiting, bounds.waiting}), threads_(bounds.threads) {}

SigningPool::~SigningPool() {
  close();
  threads_.join();
}

/// enqueue: the pool's threads know only how many jobs there are; which one is next is decided when
/// one of them is free.
void SigningPool::enqueue(const asio::ip::address& peer, std::unique_ptr<Job> job) {
  std::vector<Waiting> left_out;
  {
    const std::lock_guard lock(mutex_);
    left_out = queue_.push(peer, {peer, std::move(job)});
  }
  for (const Waiting& one : left_out) refuse(one);
  asio::post(threads_, [this] { run_next(); });
}

void SigningPool::refuse(const Waiting& waiting) {
  if (refused_++ % 1000 == 0) {
    log(Level::warning, "TLS_BUSY",
        {{"peer", waiting.peer.to_string()}, {"waiting", std::to_string(waiting_)}});
  }
  waiting.job->end(Fate::refused);
}

void SigningPool::run_next() {
  std::optional<Waiting> next;
  {
    const std::lock_guard lock(mutex_);
    next = queue_.pop();
  }
  if (next) next->job->end(Fate::begins);  // else it was refused meanwhile
}

Task<TlsStream> SigningPool::shake_hands(tcp::socket socket, Choose choose,
                                         std::chrono::steady_clock::duration patience) {
  const asio::ip::address peer = socket.remote_endpoint().address();
  socket.native_non_blocking(true);
  std::optional<Handshake> handshake;
  const Alarm alarm(socket, patience);
  auto work = [&] {
    if (alarm.rang()) return Handshake::Step::wait;
    if (!handshake) handshake.emplace(*choose(), socket);
    return handshake->step();
  };
  error_code gone;
  auto token = asio::redirect_error(asio::use_awaitable, gone);
  auto step = Handshake::Step::wait;
  while (step == Handshake::Step::wait) {
    // 1. A silent peer takes no thread and no place in the line.
    co_await socket.async_wait(tcp::socket::wait_read, asio::use_awaitable);

    // 2. OpenSSL goes on, and perhaps signs.
    if (handshake && handshake->signed_already()) {
      step = work();
    } else {
      step = co_await run(work, peer);
    }
    if (alarm.rang()) throw system_error(asio::error::timed_out);

    // 3. Its answer leaves, which is an alert when it failed.
    const asio::const_buffer output = handshake->output();
    if (output.size() > 0) co_await asio::async_write(socket, output, token);
    handshake->sent();
    if (step == Handshake::Step::failed) std::rethrow_exception(handshake->failure());
    if (alarm.rang()) throw system_error(asio::error::timed_out);
    if (gone) throw system_error(gone);
  }
  co_return TlsStream(std::move(socket), handshake->release());
}

}  // namespace ringfence::core

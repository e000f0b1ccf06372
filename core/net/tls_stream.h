// One peer's TLS, spoken by OpenSSL over the socket's own descriptor.
#pragma once

#include <cstddef>
#include <utility>

#include <openssl/ssl.h>

#include "core/crypto/handles.h"
#include "core/net/asio.h"

namespace ringfence::core {

using Ssl = Handle<SSL, SSL_free>;

/// TlsStream is an AsyncStream as asio::ssl::stream is, for `asio::async_read`, `async_write` and
/// Beast, without that one's four buffers of 17 KB a connection: OpenSSL keeps one only while it
/// reads or writes a record.
///
/// A write of up to 16 KB is one record, handed to TCP in one piece. Lives on its socket's strand;
/// one read and one write at a time. When the socket is closed meanwhile, as Deadline does, what is
/// under way ends with operation_aborted.
class TlsStream {
 public:
  using executor_type = tcp::socket::executor_type;

  /// `tls` has shaken hands over `socket`'s descriptor, which is non-blocking.
  TlsStream(tcp::socket socket, Ssl tls);

  executor_type get_executor() { return socket_.get_executor(); }

  tcp::socket& next_layer() noexcept { return socket_; }

  /// peer_certificate returns what the peer has shown and the server's PeerPolicy believed; null
  /// when it has shown none.
  X509Cert peer_certificate() const { return X509Cert(SSL_get1_peer_certificate(tls_.get())); }

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return start<void(error_code, std::size_t)>(Read{first<asio::mutable_buffer>(buffers)}, token);
  }

  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return start<void(error_code, std::size_t)>(Write{first<asio::const_buffer>(buffers)}, token);
  }

  /// async_shutdown says goodbye and waits for the peer's.
  template <typename Token>
  auto async_shutdown(Token&& token) {
    return start<void(error_code)>(Goodbye{}, token);
  }

 private:
  using error_code = boost::system::error_code;

  /// Step is how far OpenSSL came: what it waits for, or how it ended.
  struct Step {
    enum class Wants { nothing, to_read, to_write } wants = Wants::nothing;
    error_code failed{};
    std::size_t count = 0;
  };

  struct Read {
    asio::mutable_buffer room;

    Step operator()(TlsStream& stream) const { return stream.read(room); }
  };

  struct Write {
    asio::const_buffer bytes;

    Step operator()(TlsStream& stream) const { return stream.write(bytes); }
  };

  struct Goodbye {
    Step operator()(TlsStream& stream) const { return stream.say_goodbye(); }
  };

  /// Operation lets OpenSSL try, waits for what it wants, and tries again.
  template <typename Try>
  struct Operation {
    TlsStream& stream;
    Try attempt;
    Step step{};
    enum class Stage { first, waiting, over } stage = Stage::first;

    template <typename Self>
    void operator()(Self& self, error_code failed = {}) {
      const Stage before = stage;
      if (before != Stage::over) {
        if (!failed && !stream.socket_.is_open()) failed = asio::error::operation_aborted;
        step = failed ? Step{Step::Wants::nothing, failed, 0} : attempt(stream);
      }
      if (step.wants != Step::Wants::nothing) {
        stage = Stage::waiting;
        const auto what =
            step.wants == Step::Wants::to_read ? tcp::socket::wait_read : tcp::socket::wait_write;
        return stream.socket_.async_wait(what, std::move(self));
      }
      stage = Stage::over;
      // Whoever began it must be suspended before it ends.
      if (before == Stage::first) return asio::post(stream.get_executor(), std::move(self));
      if constexpr (std::is_same_v<Try, Goodbye>) {
        self.complete(step.failed);
      } else {
        self.complete(step.failed, step.count);
      }
    }
  };

  template <typename Signature, typename Try, typename Token>
  auto start(Try attempt, Token& token) {
    return asio::async_compose<Token, Signature>(Operation<Try>{*this, attempt}, token, socket_);
  }

  /// first returns the first buffer that is not empty: as much as one step takes.
  template <typename Buffer, typename Buffers>
  static Buffer first(const Buffers& buffers) {
    auto at = asio::buffer_sequence_begin(buffers);
    const auto end = asio::buffer_sequence_end(buffers);
    for (; at != end; ++at) {
      const Buffer buffer(*at);
      if (buffer.size() > 0) return buffer;
    }
    return {};
  }

  Step read(asio::mutable_buffer room);
  Step write(asio::const_buffer bytes);
  Step say_goodbye();
  Step judged(int result, std::size_t count);

  tcp::socket socket_;
  Ssl tls_;  // first to go: it knows the descriptor
};

}  // namespace ringfence::core

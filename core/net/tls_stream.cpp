#include "core/net/tls_stream.h"

#include <cerrno>

#include <openssl/err.h>

namespace ringfence::core {

TlsStream::TlsStream(tcp::socket socket, Ssl tls)
    : socket_(std::move(socket)), tls_(std::move(tls)) {
  SSL_set_mode(tls_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

TlsStream::Step TlsStream::read(asio::mutable_buffer room) {
  if (room.size() == 0) return {};
  std::size_t count = 0;
  ERR_clear_error();
  const int result = SSL_read_ex(tls_.get(), room.data(), room.size(), &count);
  return judged(result, count);
}

TlsStream::Step TlsStream::write(asio::const_buffer bytes) {
  if (bytes.size() == 0) return {};
  std::size_t count = 0;
  ERR_clear_error();
  const int result = SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &count);
  return judged(result, count);
}

TlsStream::Step TlsStream::say_goodbye() {
  ERR_clear_error();
  int result = SSL_shutdown(tls_.get());
  if (result == 0) result = SSL_shutdown(tls_.get());  // ours has left: now the peer's
  return judged(result, 0);
}

TlsStream::Step TlsStream::judged(int result, std::size_t count) {
  using Wants = Step::Wants;
  if (result == 1) return {Wants::nothing, {}, count};
  const int why_not = errno;
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ: return {Wants::to_read, {}, 0};
    case SSL_ERROR_WANT_WRITE: return {Wants::to_write, {}, 0};
    case SSL_ERROR_ZERO_RETURN: return {Wants::nothing, asio::error::eof, 0};
    case SSL_ERROR_SSL: {
      const auto reason = static_cast<int>(ERR_peek_error());
      ERR_clear_error();
      return {Wants::nothing, error_code(reason, asio::error::get_ssl_category()), 0};
    }
    default: break;
  }
  ERR_clear_error();
  if (why_not == 0) return {Wants::nothing, asio::error::eof, 0};
  return {Wants::nothing, error_code(why_not, boost::system::system_category()), 0};
}

}  // namespace ringfence::core

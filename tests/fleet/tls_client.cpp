#include "tests/fleet/tls_client.h"

#include "core/base/error.h"
#include "core/crypto/handles.h"
#include "core/crypto/x509.h"
#include "tests/fleet/alarm.h"

namespace ringfence::fleet {

using core::Bytes;
using core::Code;
using core::Error;
namespace asio = core::asio;

namespace {

void check(const boost::system::error_code& error, const std::string& who, const char* what) {
  if (error) throw Error(Code::io, who + " " + what + ": " + error.message());
}

}  // namespace

std::shared_ptr<asio::ssl::context> make_tls_client() {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_security_level(raw, 0);
  core::ensure(SSL_CTX_set_min_proto_version(raw, TLS1_VERSION) == 1,
               "SSL_CTX_set_min_proto_version");
  context->set_verify_mode(asio::ssl::verify_none);  // the trust list decides, after the handshake
  return context;
}

TlsConnection::TlsConnection(const asio::any_io_executor& executor, asio::ssl::context& context,
                             std::string who)
    : stream_(executor, context), who_(std::move(who)) {}

core::Task<void> TlsConnection::connect(core::tcp::endpoint server,
                                        std::chrono::milliseconds limit) {
  Alarm alarm(stream_.get_executor(), [this] { stream_.lowest_layer().close(); });
  alarm.set(limit);
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await stream_.lowest_layer().async_connect(server, token);
  check(error, who_, "cannot be reached");
  co_await stream_.async_handshake(asio::ssl::stream_base::client, token);
  check(error, who_, "did not finish the TLS handshake");
}

core::Task<void> TlsConnection::write(Bytes bytes, std::chrono::milliseconds limit) {
  Alarm alarm(stream_.get_executor(), [this] { stream_.lowest_layer().close(); });
  alarm.set(limit);
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await asio::async_write(stream_, asio::buffer(bytes), token);
  check(error, who_, "hung up");
}

core::Task<Bytes> TlsConnection::read(std::size_t count, std::chrono::milliseconds limit) {
  Alarm alarm(stream_.get_executor(), [this] { stream_.lowest_layer().close(); });
  alarm.set(limit);
  Bytes bytes(count);
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await asio::async_read(stream_, asio::buffer(bytes), token);
  check(error, who_, "broke off");
  co_return bytes;
}

Bytes TlsConnection::certificate() {
  const core::X509Cert certificate(SSL_get1_peer_certificate(stream_.native_handle()));
  if (!certificate) throw Error(Code::io, who_ + " presented no certificate");
  return core::to_der(*certificate);
}

}  // namespace ringfence::fleet

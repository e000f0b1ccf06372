// TLS to a server whose certificate the phone judges itself, by its trust lists.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "core/base/bytes.h"
#include "core/net/asio.h"

namespace ringfence::fleet {

using TlsStream = core::asio::ssl::stream<core::tcp::socket>;

/// make_tls_client returns a context that trusts nobody by itself and speaks what old phones
/// speak: TLS 1.0 and later, security level 0.
std::shared_ptr<core::asio::ssl::context> make_tls_client();

/// TlsConnection is one connection of one coroutine.
///
/// All calls throw core::Error{io} that starts with the server's name when the peer fails or
/// `limit` passes.
class TlsConnection {
 public:
  /// `who` names the server in errors, "CAPF". `context` must outlive the connection.
  TlsConnection(const core::asio::any_io_executor& executor, core::asio::ssl::context& context,
                std::string who);

  core::Task<void> connect(core::tcp::endpoint server, std::chrono::milliseconds limit);
  core::Task<void> write(core::Bytes bytes, std::chrono::milliseconds limit);
  core::Task<core::Bytes> read(std::size_t count, std::chrono::milliseconds limit);

  /// certificate returns the server's certificate, DER; after `connect`.
  core::Bytes certificate();

 private:
  TlsStream stream_;
  std::string who_;
};

}  // namespace ringfence::fleet

// A phone in a hundred lines: TLS and CAPF bytes by hand, nothing of services/capf.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>

#include "core/base/bytes.h"
#include "core/base/file.h"
#include "core/crypto/handles.h"

namespace ringfence::test {

/// element writes one tag, length and value.
core::Bytes element(std::uint8_t tag, const core::Bytes& value);
core::Bytes operator+(core::Bytes left, const core::Bytes& right);

/// name_element is element 13: the device's name and its NUL.
core::Bytes name_element(std::string_view device);
/// password_element is element 11.
core::Bytes password_element(std::string_view password);

/// lsc_element and mic_element are element 4 in its inner form.
core::Bytes lsc_element(const core::Bytes& der);
core::Bytes mic_element(const core::Bytes& der);
/// sha2_element is element 20.
core::Bytes sha2_element(const core::Bytes& signature);

/// connect_to opens a TCP connection to loopback, from one of its addresses, whose reads give up
/// after 30 seconds.
core::Fd connect_to(std::uint16_t port, const char* from = "127.0.0.1");

/// Said is one message of the server.
struct Said {
  int command = 0;
  std::uint32_t session = 0;
  core::Bytes body;

  /// value returns an element's value; throws std::runtime_error when it is absent.
  core::Bytes value(std::uint8_t tag) const;
};

/// MiniPhone is one connection. Everything throws std::runtime_error when it does not work.
class MiniPhone {
 public:
  /// Connects and shakes hands.
  explicit MiniPhone(std::uint16_t port, const char* from = "127.0.0.1");

  /// hear reads one message, which must arrive in one piece: real phones stall at a second write.
  Said hear();

  /// say sends a message with the session id last heard.
  void say(std::uint8_t command, const core::Bytes& body = {});
  void send_raw(const core::Bytes& bytes);

  /// ended reads until the server closes, and tells whether it did.
  bool ended();

  /// server_certificate is what the server showed in TLS, DER.
  core::Bytes server_certificate() const;

  /// enrol does what a phone does that was asked for a key: sends `spki`, takes the certificate,
  /// says that it is stored. Returns the certificate's DER; `last` becomes the message after it.
  core::Bytes enrol(const core::Bytes& spki, Said& last);

  /// said and heard are the whole messages so far, in order: what a recording is made of.
  const std::vector<core::Bytes>& said() const { return said_; }

  const std::vector<core::Bytes>& heard() const { return heard_; }

  std::uint32_t session() const { return session_; }

 private:
  core::Fd socket_;
  core::Handle<SSL_CTX, SSL_CTX_free> context_;
  core::Handle<SSL, SSL_free> ssl_;
  std::uint32_t session_ = 0;
  std::vector<core::Bytes> said_;
  std::vector<core::Bytes> heard_;
};

}  // namespace ringfence::test

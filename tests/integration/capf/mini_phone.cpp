// A phone in a hundred lines.
#include "tests/integration/capf/mini_phone.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <openssl/err.h>

namespace ringfence::test {
namespace {

core::Bytes text_element(std::uint8_t tag, std::string_view text) {
  core::Bytes value(text.begin(), text.end());
  value.push_back(0);
  return element(tag, value);
}

void require(bool good, const std::string& what) {
  if (!good) throw std::runtime_error("mini phone: " + what);
}

}  // namespace

core::Bytes element(std::uint8_t tag, const core::Bytes& value) {
  core::Bytes bytes{tag, static_cast<std::uint8_t>(value.size() >> 8),
                    static_cast<std::uint8_t>(value.size())};
  bytes.insert(bytes.end(), value.begin(), value.end());
  return bytes;
}

core::Bytes operator+(core::Bytes left, const core::Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

core::Bytes name_element(std::string_view device) {
  return text_element(13, device);
}

core::Bytes password_element(std::string_view password) {
  return text_element(11, password);
}

namespace {

core::Bytes certificate_element(std::uint8_t kind, const core::Bytes& der) {
  return element(4, element(1, core::Bytes{0, kind} + der));
}

}  // namespace

core::Bytes lsc_element(const core::Bytes& der) {
  return certificate_element(1, der);
}

core::Bytes mic_element(const core::Bytes& der) {
  return certificate_element(2, der);
}

core::Bytes sha2_element(const core::Bytes& signature) {
  // The algorithm byte, then a length of two bytes: an element whose tag is the algorithm.
  return element(20, element(1, signature));
}

core::Fd connect_to(std::uint16_t port, const char* from) {
  core::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{30, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, from, &address.sin_addr);
  require(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
          "cannot take its own address");
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  require(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
          "cannot connect");
  return socket;
}

core::Bytes Said::value(std::uint8_t tag) const {
  for (std::size_t at = 0; at + 3 <= body.size();) {
    const std::size_t length = static_cast<std::size_t>(body[at + 1]) << 8 | body[at + 2];
    const auto start = body.begin() + static_cast<std::ptrdiff_t>(at) + 3;
    if (body[at] == tag) return {start, start + static_cast<std::ptrdiff_t>(length)};
    at += 3 + length;
  }
  throw std::runtime_error("mini phone: element " + std::to_string(tag) + " is absent");
}

MiniPhone::MiniPhone(std::uint16_t port, const char* from)
    : socket_(connect_to(port, from)),
      context_(SSL_CTX_new(TLS_client_method())),
      ssl_(SSL_new(context_.get())) {
  SSL_set_fd(ssl_.get(), socket_.get());
  require(SSL_connect(ssl_.get()) == 1, "the handshake failed");
}

Said MiniPhone::hear() {
  core::Bytes piece(64 * 1024);
  const int size = SSL_read(ssl_.get(), piece.data(), static_cast<int>(piece.size()));
  require(size >= 8, "the server sent no message");
  piece.resize(static_cast<std::size_t>(size));
  require(piece[0] == 0x55, "the message does not start with 0x55");
  const std::size_t length = static_cast<std::size_t>(piece[6]) << 8 | piece[7];
  require(piece.size() == 8 + length, "the message did not arrive in one piece");
  heard_.push_back(piece);
  Said said;
  said.command = piece[1];
  for (std::size_t i = 2; i < 6; ++i) said.session = said.session << 8 | piece[i];
  said.body.assign(piece.begin() + 8, piece.end());
  session_ = said.session;
  return said;
}

void MiniPhone::say(std::uint8_t command, const core::Bytes& body) {
  core::Bytes message{0x55,
                      command,
                      static_cast<std::uint8_t>(session_ >> 24),
                      static_cast<std::uint8_t>(session_ >> 16),
                      static_cast<std::uint8_t>(session_ >> 8),
                      static_cast<std::uint8_t>(session_),
                      static_cast<std::uint8_t>(body.size() >> 8),
                      static_cast<std::uint8_t>(body.size())};
  send_raw(std::move(message) + body);
}

void MiniPhone::send_raw(const core::Bytes& bytes) {
  said_.push_back(bytes);
  require(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0, "cannot send");
}

bool MiniPhone::ended() {
  std::uint8_t byte = 0;
  ERR_clear_error();
  const int got = SSL_read(ssl_.get(), &byte, 1);
  if (got > 0) return false;
  const int why = SSL_get_error(ssl_.get(), got);
  return why == SSL_ERROR_ZERO_RETURN || why == SSL_ERROR_SSL ||
         (why == SSL_ERROR_SYSCALL && errno != EAGAIN);
}

core::Bytes MiniPhone::server_certificate() const {
  const core::X509Cert shown(SSL_get1_peer_certificate(ssl_.get()));
  unsigned char* der = nullptr;
  const int size = i2d_X509(shown.get(), &der);
  core::Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

core::Bytes MiniPhone::enrol(const core::Bytes& spki, Said& last) {
  say(4, element(9, spki));
  last = hear();
  if (last.command != 9) return {};
  const core::Bytes certificate = last.value(4);
  require(
      certificate.size() > 5 && certificate[0] == 1 && certificate[3] == 0 && certificate[4] == 1,
      "the certificate element is not an LSC");
  say(10, element(1, {1}));
  last = hear();
  return {certificate.begin() + 5, certificate.end()};
}

}  // namespace ringfence::test

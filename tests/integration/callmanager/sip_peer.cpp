#include "tests/integration/callmanager/sip_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <stdexcept>

#include <fmt/format.h>

namespace ringfence::test {

namespace {

bool same_ignoring_case(std::string_view left, std::string_view right) {
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(), [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) ==
                  std::tolower(static_cast<unsigned char>(b));
         });
}

bool readable(int socket, int milliseconds) {
  pollfd polled{socket, POLLIN, 0};
  return ::poll(&polled, 1, milliseconds) == 1;
}

}  // namespace

std::string first_line(std::string_view message) {
  return std::string(message.substr(0, message.find("\r\n")));
}

std::string header(std::string_view message, std::string_view name) {
  std::string_view rest = message.substr(0, message.find("\r\n\r\n") + 2);
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view key = line.substr(0, colon);
    while (!key.empty() && key.back() == ' ') key.remove_suffix(1);
    if (!same_ignoring_case(key, name)) continue;
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    return std::string(value);
  }
  return {};
}

std::string body(std::string_view message) {
  const std::size_t end = message.find("\r\n\r\n");
  return end == std::string_view::npos ? std::string() : std::string(message.substr(end + 4));
}

SipPeer::SipPeer(Transport transport, std::uint16_t server_port, const std::string& own_address)
    : transport_(transport),
      socket_(::socket(
          AF_INET, (transport == Transport::udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::inet_addr(own_address.c_str());
  if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot bind " + own_address);
  address.sin_port = htons(server_port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect to the registrar");
  socklen_t size = sizeof address;
  ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
}

void SipPeer::send(std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0) return;  // the other side may have hung up: receive tells
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::optional<std::string> SipPeer::receive(int milliseconds) {
  for (;;) {
    if (transport_ == Transport::tcp) {
      while (buffer_.starts_with("\r\n")) buffer_.erase(0, 2);
      const std::size_t end = buffer_.find("\r\n\r\n");
      if (end != std::string::npos) {
        std::size_t length = 0;
        const std::string value = header(buffer_, "Content-Length");
        std::from_chars(value.data(), value.data() + value.size(), length);
        if (buffer_.size() >= end + 4 + length) {
          std::string message = buffer_.substr(0, end + 4 + length);
          buffer_.erase(0, message.size());
          return message;
        }
      }
    }
    if (!readable(socket_.get(), milliseconds)) return std::nullopt;
    std::array<char, 65'536> bytes{};
    const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (got <= 0) return std::nullopt;
    const std::string text(bytes.data(), static_cast<std::size_t>(got));
    if (transport_ == Transport::udp) return text;
    buffer_ += text;
  }
}

void SipPeer::answer(std::string_view request, int status, std::string_view reason) {
  send(
      fmt::format("SIP/2.0 {} {}\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=phone\r\nCall-ID: {}\r\n"
                  "CSeq: {}\r\nContent-Length: 0\r\n\r\n",
                  status, reason, header(request, "Via"), header(request, "From"),
                  header(request, "To"), header(request, "Call-ID"), header(request, "CSeq")));
}

std::string SipPeer::bytes(int milliseconds) {
  std::array<char, 4096> bytes{};
  if (!readable(socket_.get(), milliseconds)) return {};
  const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
  return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

bool SipPeer::ended(int milliseconds) {
  while (readable(socket_.get(), milliseconds)) {
    std::array<char, 4096> bytes{};
    if (::recv(socket_.get(), bytes.data(), bytes.size(), 0) <= 0) return true;
  }
  return false;
}

void SipPeer::finish_sending() {
  ::shutdown(socket_.get(), SHUT_WR);
}

void SipPeer::end_with_reset() {
  const linger at_once{1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

std::string register_text(const PhoneText& phone, const SipPeer& peer) {
  static std::atomic<int> branch = 0;
  const std::string contact =
      phone.contact.empty()
          ? fmt::format("<sip:{}@127.0.0.1:{};transport={}>;+u.sip!devicename.ccm.cisco.com=\"{}\"",
                        phone.user, peer.port(), peer.name(), phone.device)
          : phone.contact;
  return fmt::format(
      "REGISTER sip:127.0.0.1 SIP/2.0\r\n"
      "Via: SIP/2.0/{} 127.0.0.1:{};branch=z9hG4bK{:08x}{}\r\n"
      "From: <sip:{}@127.0.0.1>;tag=0011\r\n"
      "To: <sip:{}@127.0.0.1>\r\n"
      "Call-ID: {}\r\n"
      "CSeq: {} REGISTER\r\n"
      "Max-Forwards: 70\r\n"
      "User-Agent: Cisco-CP8861/14.1.1\r\n"
      "Contact: {}\r\n"
      "{}"
      "Content-Length: 0\r\n\r\n",
      peer.name(), peer.port(), ++branch, peer.port(), phone.user, phone.user, phone.call_id,
      phone.cseq, contact, phone.expires.empty() ? "" : "Expires: " + phone.expires + "\r\n");
}

}  // namespace ringfence::test

#include "tests/integration/callmanager/raw_udp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <ctime>
#include <stdexcept>

namespace ringfence::test {

RawUdp::RawUdp(const std::string& address)
    : address_(address), socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = ::inet_addr(address.c_str());
  auto* const generic = reinterpret_cast<sockaddr*>(&own);
  socklen_t size = sizeof own;
  if (::bind(socket_.get(), generic, size) != 0 ||
      ::getsockname(socket_.get(), generic, &size) != 0)
    throw std::runtime_error("cannot bind " + address);
  port_ = ntohs(own.sin_port);
  const int on = 1;
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

void RawUdp::send(std::uint16_t server_port, std::string_view bytes) {
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(server_port);
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::sendto(socket_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&server),
           sizeof server);
}

std::optional<std::string> RawUdp::receive(int milliseconds) {
  pollfd polled{socket_.get(), POLLIN, 0};
  if (::poll(&polled, 1, milliseconds) != 1) return std::nullopt;
  std::array<char, 65'536> bytes{};
  alignas(cmsghdr) std::array<char, 256> control{};
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket_.get(), &message, 0);
  if (got < 0) return std::nullopt;
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SO_TIMESTAMPNS) continue;
    timespec time{};
    std::memcpy(&time, CMSG_DATA(at), sizeof time);
    arrived_ = time.tv_sec * 1'000'000'000 + time.tv_nsec;
  }
  return std::string(bytes.data(), static_cast<std::size_t>(got));
}

}  // namespace ringfence::test

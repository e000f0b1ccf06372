#include "core/net/udp_socket.h"

#include <linux/udp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/base/error.h"

namespace ringfence::core {
namespace {

constexpr std::size_t kMostAtOnce = 64;

/// lost tells whether the datagram is only lost: the next one may go.
bool lost(int error) noexcept {
  return error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EINTR;
}

[[noreturn]] void throw_unsent() {
  throw Error(Code::io, "cannot send: " + std::generic_category().message(errno));
}

msghdr message_to(const udp::endpoint& to, iovec& part) {
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(to.data());  // the C API is not const-correct
  message.msg_namelen = static_cast<socklen_t>(to.size());
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return message;
}

iovec part_of(BytesView bytes) {
  return {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace

UdpSocket::UdpSocket(const udp::endpoint& here)
    : fd_(::socket(here.protocol().family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  if (fd_ && ::bind(fd_.get(), here.data(), static_cast<socklen_t>(here.size())) == 0) return;
  throw Error(errno == EADDRINUSE ? Code::conflict : Code::io,
              std::generic_category().message(errno));
}

udp::endpoint UdpSocket::local() const {
  udp::endpoint local;
  auto size = static_cast<socklen_t>(local.capacity());
  if (::getsockname(fd_.get(), local.data(), &size) != 0)
    throw Error(Code::io, "getsockname: " + std::generic_category().message(errno));
  local.resize(size);
  return local;
}

void UdpSocket::ask_for_buffer(int bytes) noexcept {
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

std::optional<std::size_t> UdpSocket::receive(std::span<std::uint8_t> buffer,
                                              udp::endpoint& from) noexcept {
  auto size = static_cast<socklen_t>(from.capacity());
  const ssize_t count = ::recvfrom(fd_.get(), buffer.data(), buffer.size(), 0, from.data(), &size);
  if (count < 0) return std::nullopt;
  from.resize(size);
  return static_cast<std::size_t>(count);
}

void UdpSocket::send(BytesView datagram, const udp::endpoint& to) {
  const ssize_t sent = ::sendto(fd_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL,
                                to.data(), static_cast<socklen_t>(to.size()));
  if (sent < 0 && !lost(errno)) throw_unsent();
}

void UdpSocket::send_each(BytesView bytes, std::size_t datagram_bytes, const udp::endpoint& to) {
  if (bytes.size() <= datagram_bytes) return send(bytes, to);
  if (cuts_ && send_cut(bytes, datagram_bytes, to)) return;
  cuts_ = false;
  send_one_by_one(bytes, datagram_bytes, to);
}

/// send_cut is false when the system or the way to `to` cannot cut them.
bool UdpSocket::send_cut(BytesView bytes, std::size_t datagram_bytes, const udp::endpoint& to) {
  iovec part = part_of(bytes);
  msghdr message = message_to(to, part);
  const auto size = static_cast<std::uint16_t>(datagram_bytes);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof size)> control{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = IPPROTO_UDP;  // SOL_UDP, which stands in another header only
  header->cmsg_type = UDP_SEGMENT;
  header->cmsg_len = CMSG_LEN(sizeof size);
  std::memcpy(CMSG_DATA(header), &size, sizeof size);
  return ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL) >= 0 || lost(errno);
}

void UdpSocket::send_one_by_one(BytesView bytes, std::size_t datagram_bytes,
                                const udp::endpoint& to) {
  std::array<iovec, kMostAtOnce> parts{};
  std::array<mmsghdr, kMostAtOnce> messages{};
  unsigned count = 0;
  for (; !bytes.empty() && count < kMostAtOnce; ++count) {
    const std::size_t size = std::min(datagram_bytes, bytes.size());
    parts[count] = part_of(bytes.first(size));
    messages[count].msg_hdr = message_to(to, parts[count]);
    bytes = bytes.subspan(size);
  }
  // What goes after one that the system has no room for would find none either.
  if (::sendmmsg(fd_.get(), messages.data(), count, MSG_NOSIGNAL) < 0 && !lost(errno))
    throw_unsent();
}

}  // namespace ringfence::core

#include "core/net/socket_buffers.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace ringfence::core {
namespace {

constexpr std::size_t kMost = 64 * 1024;
constexpr std::size_t kLeast = 4 * 1024;
constexpr std::size_t kWholeOfAnAddress = 32;  ///< connections that get kMost
constexpr std::size_t kWholeInAll = 512;
constexpr std::size_t kMostReceived = 32 * 1024;  ///< what phones ask is short

// What fails belongs to a socket that was closed meanwhile.
void set(int descriptor, int level, int option, std::size_t value) noexcept {
  const int number = static_cast<int>(value);
  ::setsockopt(descriptor, level, option, &number, sizeof number);
}

void bound(int descriptor, std::size_t bytes) noexcept {
  set(descriptor, SOL_SOCKET, SO_SNDBUF, bytes);
  set(descriptor, SOL_SOCKET, SO_RCVBUF, std::min(bytes, kMostReceived));
}

}  // namespace

std::size_t buffer_bytes(const Crowd& crowd) {
  const auto part = [](std::size_t whole, std::size_t count) {
    return kMost * whole / std::max(whole, count);
  };
  const std::size_t bytes =
      std::min(part(kWholeOfAnAddress, crowd.of_its_address), part(kWholeInAll, crowd.in_all));
  return std::max(bytes, kLeast);
}

void bound_buffers(tcp::socket& socket, const Crowd& crowd) noexcept {
  bound(socket.native_handle(), buffer_bytes(crowd));
}

void bound_buffers(tcp::acceptor& acceptor) noexcept {
  bound(acceptor.native_handle(), kMost);
}

void end_when_stuck(tcp::socket& socket, std::chrono::milliseconds after) noexcept {
  set(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT,
      static_cast<std::size_t>(after.count()));
}

}  // namespace ringfence::core

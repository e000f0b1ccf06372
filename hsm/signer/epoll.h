// One epoll instance: who waits for which descriptor.
#pragma once

#include <sys/epoll.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <string>

#include "hsm/error.h"
#include "hsm/files.h"

namespace ringfence::hsm {

/// system_error is an Error{unavailable} with what errno says.
inline Error system_error(const std::string& what) {
  return {Kind::unavailable, what + ": " + std::strerror(errno)};
}

/// Epoll throws Error{unavailable} when the kernel refuses. A descriptor that is closed is no
/// longer watched.
class Epoll {
 public:
  Epoll() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!fd_) throw system_error("epoll_create1");
  }

  void add(int fd) { control(EPOLL_CTL_ADD, fd, EPOLLIN); }

  /// want_output says whether `fd` is also watched for room to write.
  void want_output(int fd, bool wanted) {
    control(EPOLL_CTL_MOD, fd, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  /// wait returns how many of `events` were filled, 0 after `timeout_ms` (-1: never).
  std::size_t wait(std::span<epoll_event> events, int timeout_ms) {
    const int count =
        ::epoll_wait(fd_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
    if (count < 0 && errno != EINTR) throw system_error("epoll_wait");
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }

 private:
  void control(int operation, int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(fd_.get(), operation, fd, &event) != 0) throw system_error("epoll_ctl");
  }

  Fd fd_;
};

}  // namespace ringfence::hsm

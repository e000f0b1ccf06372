#include "shell/line_reader.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::shell {

/// wait returns when there is something to read; false when interrupted. An interruption that comes
/// before the wait begins is not lost: SIGINT gets through only inside ppoll.
bool LineReader::wait() {
  sigset_t interrupt;
  sigset_t before;
  ::sigemptyset(&interrupt);
  ::sigaddset(&interrupt, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &interrupt, &before);
  bool given_up = give_up_();
  pollfd input{fd_, POLLIN, 0};
  while (!given_up && ::ppoll(&input, 1, nullptr, &before) < 0 && errno == EINTR)
    given_up = give_up_();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return !given_up;
}

/// fill appends what one read gives; false at the end of input or when interrupted.
bool LineReader::fill() {
  std::array<char, 16384> chunk;
  while (wait()) {
    const ssize_t count = ::read(fd_, chunk.data(), chunk.size());
    if (count > 0) {
      buffer_.append(chunk.data(), static_cast<std::size_t>(count));
      return true;
    }
    if (count == 0) return false;
    if (errno == EINTR) continue;
    if (errno == EIO) return false;  // the terminal hung up
    throw core::Error(core::Code::io,
                      fmt::format("standard input cannot be read: {}", std::strerror(errno)));
  }
  return false;
}

std::optional<std::string> LineReader::next(std::size_t max_bytes) {
  std::string line;
  while (true) {
    const std::size_t end = buffer_.find('\n');
    line += buffer_.substr(0, end);
    if (line.size() > max_bytes + 1) line.resize(max_bytes + 1);
    if (end != std::string::npos) {
      buffer_.erase(0, end + 1);
      return line;
    }
    buffer_.clear();
    if (fill()) continue;
    if (line.empty()) return std::nullopt;
    return line;
  }
}

std::string LineReader::rest(std::size_t max_bytes) {
  while (fill()) {
    if (buffer_.size() > max_bytes) {
      throw core::Error(core::Code::malformed,
                        fmt::format("standard input is longer than {} bytes", max_bytes));
    }
  }
  return std::exchange(buffer_, {});
}

}  // namespace ringfence::shell

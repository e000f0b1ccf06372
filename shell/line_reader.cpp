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
#include "core/base/wipe.h"

namespace ringfence::shell {

/// wait returns when there is something to read, the time is over, or it was interrupted. An
/// interruption that comes before the wait begins is not lost: SIGINT gets through only inside
/// ppoll.
LineReader::Wait LineReader::wait(std::optional<std::chrono::milliseconds> at_most) {
  sigset_t interrupt;
  sigset_t before;
  ::sigemptyset(&interrupt);
  ::sigaddset(&interrupt, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &interrupt, &before);
  bool given_up = give_up_();
  pollfd input{fd_, POLLIN, 0};
  timespec time{};
  if (at_most) {
    time.tv_sec = at_most->count() / 1000;
    time.tv_nsec = at_most->count() % 1000 * 1'000'000;
  }
  int ready = 0;
  while (!given_up && (ready = ::ppoll(&input, 1, at_most ? &time : nullptr, &before)) < 0 &&
         errno == EINTR)
    given_up = give_up_();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (given_up) return Wait::given_up;
  return ready == 0 ? Wait::too_long : Wait::ready;
}

/// fill appends what one read gives; false at the end of input, when interrupted, or when nothing
/// comes in time.
bool LineReader::fill(std::optional<std::chrono::milliseconds> at_most) {
  std::array<char, 16384> chunk;
  while (wait(at_most) == Wait::ready) {
    const ssize_t count = ::read(fd_, chunk.data(), chunk.size());
    if (count > 0) {
      std::string read(chunk.data(), static_cast<std::size_t>(count));
      ::explicit_bzero(chunk.data(), static_cast<std::size_t>(count));  // it may be a PIN
      if (filter_) filter_(read);
      buffer_ += read;
      core::wipe(read);
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

std::optional<std::string> LineReader::next_to(const char* ends, std::size_t max_bytes) {
  std::string line;
  while (true) {
    const std::size_t end = buffer_.find_first_of(ends);
    line += buffer_.substr(0, end);
    if (line.size() > max_bytes + 1) line.resize(max_bytes + 1);
    if (end != std::string::npos) {
      const bool end_of_input = buffer_[end] != '\n' && line.empty();
      std::string left = buffer_.substr(end + 1);
      core::wipe(buffer_);
      buffer_ = std::move(left);
      if (end_of_input) return std::nullopt;
      return line;
    }
    buffer_.clear();
    if (fill()) continue;
    if (line.empty()) return std::nullopt;
    return line;
  }
}

std::string_view LineReader::ahead(std::chrono::milliseconds quiet, std::size_t max_bytes) {
  while (buffer_.size() < max_bytes && fill(quiet)) {
  }
  return buffer_;
}

std::string_view LineReader::ahead_line(std::size_t max_bytes) {
  while (buffer_.find('\n') == std::string::npos && buffer_.size() < max_bytes && fill()) {
  }
  return buffer_;
}

void LineReader::discard(std::chrono::milliseconds quiet) {
  constexpr std::chrono::seconds kMost(10);  // somebody may send for ever
  const auto until = std::chrono::steady_clock::now() + kMost;
  drop();
  std::array<char, 16384> chunk;
  pollfd input{fd_, POLLIN, 0};
  while (std::chrono::steady_clock::now() < until) {
    const int ready = ::poll(&input, 1, static_cast<int>(quiet.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || ::read(fd_, chunk.data(), chunk.size()) <= 0) return;
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

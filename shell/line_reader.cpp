#include "shell/line_reader.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::shell {

/// fill appends what one read gives; false at the end of input or when interrupted.
bool LineReader::fill() {
  std::array<char, 16384> chunk;
  while (true) {
    const ssize_t count = ::read(fd_, chunk.data(), chunk.size());
    if (count > 0) {
      buffer_.append(chunk.data(), static_cast<std::size_t>(count));
      return true;
    }
    if (count == 0) return false;
    if (errno == EINTR && !give_up_()) continue;
    if (errno == EINTR || errno == EIO) return false;  // EIO: the terminal hung up
    throw core::Error(core::Code::io,
                      fmt::format("standard input cannot be read: {}", std::strerror(errno)));
  }
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

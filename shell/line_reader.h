// Lines from a file descriptor, bounded.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace ringfence::shell {

/// LineReader reads lines from a descriptor it does not own.
class LineReader {
 public:
  /// `give_up` is asked before each read and when a signal interrupts it; true ends the read.
  LineReader(int fd, std::function<bool()> give_up) : fd_(fd), give_up_(std::move(give_up)) {}

  /// next returns one line without its end, nothing at the end of input. What a line has beyond
  /// `max_bytes` + 1 bytes is dropped, so that the caller sees it was too long.
  std::optional<std::string> next(std::size_t max_bytes);

  /// rest returns everything to the end of input; throws Error{malformed} beyond `max_bytes`.
  std::string rest(std::size_t max_bytes);

 private:
  bool wait();
  bool fill();

  int fd_;
  std::function<bool()> give_up_;
  std::string buffer_;
};

}  // namespace ringfence::shell

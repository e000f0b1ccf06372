// Lines from a file descriptor, bounded.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace ringfence::shell {

/// LineReader reads lines from a descriptor it does not own.
class LineReader {
 public:
  /// `give_up` is asked before each read and when a signal interrupts it; true ends the read.
  LineReader(int fd, std::function<bool()> give_up) : fd_(fd), give_up_(std::move(give_up)) {}

  /// next returns one line without its end, nothing at the end of input. What a line has beyond
  /// `max_bytes` + 1 bytes is dropped, so that the caller sees it was too long.
  std::optional<std::string> next(std::size_t max_bytes) { return next_to("\n", max_bytes); }

  /// next_typed is next that Ctrl-D (byte 4) ends too: for a terminal that passes it on. Nothing
  /// when Ctrl-D stands at the line's beginning.
  std::optional<std::string> next_typed(std::size_t max_bytes) {
    return next_to("\n\x04", max_bytes);
  }

  /// ahead returns what follows without taking it, after waiting for more until none comes for
  /// `quiet`; at most about `max_bytes`.
  std::string_view ahead(std::chrono::milliseconds quiet, std::size_t max_bytes);

  /// ahead_line returns what follows without taking it, a whole line at least, less at the end of
  /// input.
  std::string_view ahead_line(std::size_t max_bytes);

  /// drop forgets what was read and not taken.
  void drop() { buffer_.clear(); }

  /// discard drops what comes until nothing does for `quiet`, also after give_up.
  void discard(std::chrono::milliseconds quiet);

  /// set_filter has each chunk changed as it is read.
  void set_filter(std::function<void(std::string& chunk)> filter) { filter_ = std::move(filter); }

  /// rest returns everything to the end of input; throws Error{malformed} beyond `max_bytes`.
  std::string rest(std::size_t max_bytes);

 private:
  enum class Wait { ready, too_long, given_up };
  Wait wait(std::optional<std::chrono::milliseconds> at_most);
  bool fill(std::optional<std::chrono::milliseconds> at_most = {});
  std::optional<std::string> next_to(const char* ends, std::size_t max_bytes);

  int fd_;
  std::function<bool()> give_up_;
  std::function<void(std::string& chunk)> filter_;
  std::string buffer_;
};

}  // namespace ringfence::shell

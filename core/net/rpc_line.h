// Lines over a unix socket, with a bound and a deadline: the part that both ends of RPC share.
#pragma once

#include <sys/un.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "core/base/file.h"

namespace ringfence::core {

/// unix_address fills in `socket`'s address; throws Error{refused} above 107 bytes.
sockaddr_un unix_address(const std::filesystem::path& socket);

/// json_text serializes a request without leaving a copy of it on the stack, where a PIN that is in
/// it would outlive the call: boost::json::serialize has a buffer there.
std::string json_text(const boost::json::object& object);

/// LineChannel reads and writes lines on a connected, non-blocking socket that it owns.
class LineChannel {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  explicit LineChannel(Fd socket) : socket_(std::move(socket)) {}

  /// read returns the next line without its end, or nothing when the peer closed between lines or
  /// when `stop` (a descriptor, or -1) became readable first. Throws Error: `io` when the
  /// deadline passed or the peer closed inside a line, `malformed` for a line above `max_bytes`.
  std::optional<std::string> read(Deadline deadline, std::size_t max_bytes, int stop = -1);

  /// write sends `line` and its end; throws Error{io} when the peer does not take it in time.
  void write(std::string_view line, Deadline deadline);

  int descriptor() const noexcept { return socket_.get(); }

 private:
  Fd socket_;
  std::string rest_;
};

}  // namespace ringfence::core

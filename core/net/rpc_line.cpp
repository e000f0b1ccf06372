#include "core/net/rpc_line.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::core {
namespace {

int milliseconds_until(LineChannel::Deadline deadline) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

enum class Ready { socket, stop, nothing };

Ready wait(int socket, short events, int stop, LineChannel::Deadline deadline) {
  std::array<pollfd, 2> polled{{{socket, events, 0}, {stop, POLLIN, 0}}};
  while (true) {
    const int count = ::poll(polled.data(), polled.size(), milliseconds_until(deadline));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error(Code::io, fmt::format("poll failed: {}", std::strerror(errno)));
    if (polled[0].revents != 0) return Ready::socket;
    if (polled[1].revents != 0) return Ready::stop;
    if (std::chrono::steady_clock::now() >= deadline) return Ready::nothing;
  }
}

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

std::string json_text(const boost::json::object& object) {
  constexpr std::size_t kFirstBytes = 1024;
  boost::json::serializer serializer;
  serializer.reset(&object);
  std::string text(kFirstBytes, '\0');
  std::size_t length = 0;
  while (!serializer.done()) {
    if (length == text.size()) text.resize(2 * text.size());
    length += serializer.read(text.data() + length, text.size() - length).size();
  }
  text.resize(length);
  return text;
}

sockaddr_un unix_address(const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = socket.string();
  if (text.size() >= sizeof address.sun_path) {
    throw Error(Code::refused, fmt::format("socket path {} has {} bytes, the system allows {}",
                                           text, text.size(), sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  return address;
}

std::optional<std::string> LineChannel::read(Deadline deadline, std::size_t max_bytes, int stop) {
  std::size_t searched = 0;
  while (true) {
    const std::size_t end = rest_.find('\n', searched);
    if (end != std::string::npos && end <= max_bytes) {
      std::string line = rest_.substr(0, end);
      rest_.erase(0, end + 1);
      return line;
    }
    if (rest_.size() > max_bytes) {
      throw Error(Code::malformed, fmt::format("line is longer than {} bytes", max_bytes));
    }
    searched = rest_.size();

    std::array<char, 65536> chunk{};
    const ssize_t count = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (count > 0) {
      rest_.append(chunk.data(), static_cast<std::size_t>(count));
      ::explicit_bzero(chunk.data(), static_cast<std::size_t>(count));
      continue;
    }
    if (count == 0) {
      if (rest_.empty()) return std::nullopt;
      throw Error(Code::io, "the other side ended the connection in the middle of its answer");
    }
    if (!would_block(errno)) {
      throw Error(Code::io, fmt::format("receive failed: {}", std::strerror(errno)));
    }
    switch (wait(socket_.get(), POLLIN, stop, deadline)) {
      case Ready::socket: break;
      case Ready::stop: return std::nullopt;
      case Ready::nothing: throw Error(Code::io, "the other side said nothing in time");
    }
  }
}

void LineChannel::write(std::string_view line, Deadline deadline) {
  std::string bytes(line);
  bytes += '\n';
  std::string_view left = bytes;
  while (!left.empty()) {
    const ssize_t count = ::send(socket_.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      left.remove_prefix(static_cast<std::size_t>(count));
    } else if (!would_block(errno)) {
      throw Error(Code::io, fmt::format("send failed: {}", std::strerror(errno)));
    } else if (wait(socket_.get(), POLLOUT, -1, deadline) == Ready::nothing) {
      throw Error(Code::io, "peer did not read its answer in time");
    }
  }
}

}  // namespace ringfence::core

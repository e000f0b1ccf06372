// A datagram socket that never waits, for a loop that many of them share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/bytes.h"
#include "core/base/file.h"
#include "core/net/asio.h"

namespace ringfence::core {

/// UdpSocket is bound, and not connected: its owner sees who sent what.
class UdpSocket {
 public:
  UdpSocket() = default;

  /// Binds to `here`; port 0 takes a free one that cannot be foretold. Throws Error: `conflict`
  /// when the port is taken, or `io`.
  explicit UdpSocket(const udp::endpoint& here);

  explicit operator bool() const noexcept { return static_cast<bool>(fd_); }

  int descriptor() const noexcept { return fd_.get(); }

  udp::endpoint local() const;

  /// ask_for_buffer wants so many bytes for what has come and was not received; the system may
  /// give less.
  void ask_for_buffer(int bytes) noexcept;

  /// receive takes the next datagram, cut to `buffer`'s size, and tells its sender; nothing when
  /// none has come. What the system reports about earlier datagrams is passed over.
  std::optional<std::size_t> receive(std::span<std::uint8_t> buffer, udp::endpoint& from) noexcept;

  /// send sends a datagram, or loses it when the system has no room for it now, as a network may.
  /// Throws Error{io} when it cannot be sent at all.
  void send(BytesView datagram, const udp::endpoint& to);

  /// send_each sends `bytes` as datagrams of `datagram_bytes` each, the last one may be shorter; at
  /// most 64 of them, 65,000 bytes in all. By one call of the system, which cuts them
  /// (UDP_SEGMENT), unless the way to `to` takes none so large. Loses and throws as `send` does.
  void send_each(BytesView bytes, std::size_t datagram_bytes, const udp::endpoint& to);

 private:
  bool send_cut(BytesView bytes, std::size_t datagram_bytes, const udp::endpoint& to);
  void send_one_by_one(BytesView bytes, std::size_t datagram_bytes, const udp::endpoint& to);

  Fd fd_;
  bool cuts_ = true;  ///< until the system refused to
};

}  // namespace ringfence::core

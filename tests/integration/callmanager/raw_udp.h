// A UDP socket that may send and listen where it wants.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/file.h"

namespace ringfence::test {

/// RawUdp is an unconnected socket on a free port of `address`.
class RawUdp {
 public:
  explicit RawUdp(const std::string& address = "127.0.0.1");

  void send(std::uint16_t server_port, std::string_view bytes);

  /// receive waits for a datagram from anybody.
  std::optional<std::string> receive(int milliseconds = 5000);

  /// arrived is when the kernel had the datagram that was received last, in nanoseconds.
  std::int64_t arrived() const noexcept { return arrived_; }

  std::uint16_t port() const noexcept { return port_; }

  const std::string& address() const noexcept { return address_; }

 private:
  std::string address_;
  core::Fd socket_;
  std::uint16_t port_ = 0;
  std::int64_t arrived_ = 0;
};

}  // namespace ringfence::test

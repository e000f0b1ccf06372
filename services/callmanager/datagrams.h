// The UDP half of a Wire.
#pragma once

#include <array>
#include <deque>
#include <string>

#include "services/callmanager/wire.h"

namespace ringfence::services::callmanager {

/// Datagrams owns the UDP sockets; see Wire.
class Wire::Datagrams {
 public:
  Datagrams(core::asio::io_context& io, const std::string& listen, std::uint16_t port,
            WireUser& user);

  void send(const Way& way, const std::string& text);
  /// socket_of returns which socket has `address`; the first when none has.
  std::size_t socket_of(const std::string& address) const;
  std::string own_address(std::size_t socket) const;

 private:
  void wait(std::size_t index);
  void receive(std::size_t index);

  WireUser& user_;
  std::deque<core::udp::socket> sockets_;
  std::array<char, 65'536> buffer_{};
};

}  // namespace ringfence::services::callmanager

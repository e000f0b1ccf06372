#include "services/callmanager/datagrams.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "services/callmanager/addresses.h"
#include "services/callmanager/sip.h"

namespace ringfence::services::callmanager {

namespace asio = core::asio;
using core::udp;

namespace {

constexpr int kReceiveBuffer = 4 * 1024 * 1024;
constexpr int kAtOnce = 1024;  ///< taken in before any is answered: the kernel keeps few

}  // namespace

Wire::Datagrams::Datagrams(asio::io_context& io, const std::string& listen, std::uint16_t port,
                           WireUser& user)
    : user_(user) {
  std::vector<std::string> addresses{listen};
  if (listen == "0.0.0.0") addresses = own_addresses();
  for (const std::string& address : addresses) {
    udp::socket& socket = sockets_.emplace_back(io, udp::v4());
    boost::system::error_code error;
    socket.set_option(asio::socket_base::receive_buffer_size(kReceiveBuffer), error);
    socket.bind(udp::endpoint(asio::ip::make_address(address), port), error);
    if (error)
      throw core::Error(
          core::Code::conflict,
          fmt::format("cannot listen for SIP on udp {}:{}, is it in use?", address, port));
    socket.non_blocking(true);
  }
  for (std::size_t i = 0; i < sockets_.size(); ++i) wait(i);
}

void Wire::Datagrams::wait(std::size_t index) {
  sockets_[index].async_wait(udp::socket::wait_read,
                             [this, index](const boost::system::error_code& error) {
                               if (error == asio::error::operation_aborted) return;
                               receive(index);
                               wait(index);
                             });
}

void Wire::Datagrams::receive(std::size_t index) {
  for (int i = 0; i < kAtOnce; ++i) {
    Way way;
    way.socket = index;
    boost::system::error_code error;
    const std::size_t size =
        sockets_[index].receive_from(asio::buffer(buffer_), way.peer, 0, error);
    if (error == asio::error::would_block) return;
    if (error) continue;  // an earlier packet of ours came back
    const std::string_view text(buffer_.data(), size);
    if (text.find_first_not_of("\r\n") == std::string_view::npos) continue;  // a keep-alive
    if (size > kLongestMessage)
      user_.unreadable(way, "longer than 16 KiB");
    else
      user_.take(text, way);
  }
}

void Wire::Datagrams::send(const Way& way, const std::string& text) {
  boost::system::error_code ignored;  // what is lost here is asked for again
  sockets_[way.socket].send_to(asio::buffer(text), way.peer, 0, ignored);
}

std::size_t Wire::Datagrams::socket_of(const std::string& address) const {
  for (std::size_t i = 0; i < sockets_.size(); ++i)
    if (sockets_[i].local_endpoint().address().to_string() == address) return i;
  return 0;
}

std::string Wire::Datagrams::own_address(std::size_t socket) const {
  const udp::endpoint local = sockets_[socket].local_endpoint();
  return fmt::format("{}:{}", local.address().to_string(), local.port());
}

}  // namespace ringfence::services::callmanager

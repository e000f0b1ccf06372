#include "services/callmanager/wire.h"

#include <charconv>

#include <fmt/format.h>

#include "services/callmanager/addresses.h"
#include "services/callmanager/connections.h"
#include "services/callmanager/datagrams.h"
#include "services/callmanager/protocol.h"

namespace ringfence::services::callmanager {

namespace asio = core::asio;

std::string Way::text() const {
  return fmt::format("{}:{}", address(), peer.port());
}

Wire::Wire(asio::io_context& io, const std::string& listen, std::uint16_t port, WireUser& user)
    : datagrams_(std::make_unique<Datagrams>(io, listen, port, user)),
      connections_(std::make_unique<Connections>(io, listen, port, user)) {}

Wire::~Wire() = default;

void Wire::send(const Way& way, std::string text) {
  if (way.flow == 0)
    datagrams_->send(way, text);
  else
    connections_->send(way.flow, std::move(text));
}

void Wire::hang_up(Flow flow) {
  connections_->end(flow);
}

void Wire::go_on(Flow flow) {
  connections_->go_on(flow);
}

bool Wire::open(Flow flow) const {
  return connections_->open(flow);
}

std::optional<Way> Wire::way_to(const std::string& target) const {
  const std::string host(address_in(target));
  boost::system::error_code error;
  const auto address = asio::ip::make_address_v4(host, error);
  std::uint16_t port = 0;
  if (host.size() < target.size())
    std::from_chars(target.data() + host.size() + 1, target.data() + target.size(), port);
  if (error || port == 0) return std::nullopt;
  return Way{core::udp::endpoint(address, port), 0, datagrams_->socket_of(source_address(host))};
}

std::string Wire::own_address(const Way& way) const {
  return way.flow == 0 ? datagrams_->own_address(way.socket) : connections_->own_address(way.flow);
}

void Wire::tick() {
  connections_->tick();
}

std::size_t Wire::connections() const noexcept {
  return connections_->count();
}

}  // namespace ringfence::services::callmanager

#include "core/net/peer_address.h"

namespace ringfence::core {

asio::ip::address peer_address(std::string_view peer) {
  boost::system::error_code none;
  return asio::ip::make_address(peer.substr(0, peer.rfind(':')), none);
}

}  // namespace ringfence::core

// TCP connections over which no phone is registered, and their end.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ringfence::services::callmanager {

/// source_address returns the local IPv4 address that a packet to `peer` ("address:port") would
/// leave from, or empty when there is no way. Asks the kernel's routes; sends nothing.
std::string source_address(const std::string& peer);

/// own_addresses returns the IPv4 addresses of this machine's interfaces.
std::vector<std::string> own_addresses();

/// Strangers ends connections to our SIP port that serve no registration: those older than a
/// minute, and, while they use more than a quarter of the descriptors this
/// process may have, all that an earlier sweep saw too.
///
/// Sofia-SIP has no limit of connections, and its idle time begins with the first whole message,
/// so that a silent connection would stay for ever. One thread at a time.
class Strangers {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kPatience{60};

  explicit Strangers(std::uint16_t port) : port_(port) {}

  /// sweep shuts them down (Sofia then closes them) and returns how many. `registered` is asked
  /// with the peer's "address:port".
  std::size_t sweep(const std::function<bool(const std::string& peer)>& registered, Time now);

 private:
  using Key = std::pair<int, std::string>;  ///< descriptor and peer

  std::uint16_t port_;
  std::map<Key, Time> seen_;
};

}  // namespace ringfence::services::callmanager

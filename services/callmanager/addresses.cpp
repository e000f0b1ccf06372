#include "services/callmanager/addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>

#include "core/base/file.h"

namespace ringfence::services::callmanager {

namespace {

std::string text_of(const sockaddr_in& address) {
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
  return text.data();
}

}  // namespace

std::string source_address(const std::string& peer) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);  // any: connecting a datagram socket sends nothing
  if (::inet_pton(AF_INET, peer.c_str(), &address.sin_addr) != 1) return {};
  const core::Fd probe(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (::connect(probe.get(), generic, size) != 0 || ::getsockname(probe.get(), generic, &size) != 0)
    return {};
  return text_of(address);
}

std::vector<std::string> own_addresses() {
  struct EndList {
    void operator()(ifaddrs* list) const noexcept { ::freeifaddrs(list); }
  };

  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, EndList> list(first);
  std::vector<std::string> addresses;
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next)
    if (at->ifa_addr != nullptr && at->ifa_addr->sa_family == AF_INET)
      addresses.push_back(text_of(*reinterpret_cast<const sockaddr_in*>(at->ifa_addr)));
  return addresses;
}

}  // namespace ringfence::services::callmanager

#include "services/callmanager/strangers.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "core/base/file.h"

namespace ringfence::services::callmanager {

namespace {

std::string text_of(const sockaddr_in& address) {
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
  return text.data();
}

struct EndDirectory {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

std::vector<int> open_descriptors() {
  std::vector<int> descriptors;
  const std::unique_ptr<DIR, EndDirectory> folder(::opendir("/proc/self/fd"));
  while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    int number = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), number).ec == std::errc())
      descriptors.push_back(number);
  }
  return descriptors;
}

// The peer of a connection that was accepted on `port`, or empty for any other descriptor.
std::string peer_of_connection(int descriptor, std::uint16_t port) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      address.sin_family != AF_INET || ntohs(address.sin_port) != port)
    return {};
  size = sizeof address;
  if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return fmt::format("{}:{}", text_of(address), ntohs(address.sin_port));
}

std::size_t most_strangers() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur / 4;
}

}  // namespace

std::string source_address(const std::string& peer) {
  const std::size_t colon = peer.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);  // any: connecting a datagram socket sends nothing
  if (::inet_pton(AF_INET, peer.substr(0, colon).c_str(), &address.sin_addr) != 1) return {};
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

std::size_t Strangers::sweep(const std::function<bool(const std::string& peer)>& registered,
                             Time now) {
  std::map<Key, Time> seen;
  for (const int descriptor : open_descriptors()) {
    std::string peer = peer_of_connection(descriptor, port_);
    if (peer.empty() || registered(peer)) continue;
    Key key(descriptor, std::move(peer));
    const auto earlier = seen_.find(key);
    seen.emplace(std::move(key), earlier == seen_.end() ? now : earlier->second);
  }
  seen_ = std::move(seen);
  const bool too_many = seen_.size() > most_strangers();
  std::size_t ended = 0;
  for (const auto& [key, since] : seen_) {
    if (now - since < kPatience && !(too_many && since < now)) continue;
    if (::shutdown(key.first, SHUT_RDWR) == 0) ++ended;
  }
  return ended;
}

}  // namespace ringfence::services::callmanager

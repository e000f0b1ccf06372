// How often a device may try an authentication string.
#include "services/capf/throttle.h"

#include <algorithm>
#include <utility>

namespace ringfence::services::capf {
namespace {

/// key_of is unique: no device name has a space in it.
std::string key_of(std::string_view device, std::string_view peer) {
  std::string key(device);
  key += ' ';
  key += peer;
  return key;
}

}  // namespace

std::optional<Throttle::Block> Throttle::attempt(std::string_view device, std::string_view peer,
                                                 core::Time now) {
  const std::lock_guard lock(mutex_);
  forget_old(now);
  Tries& in_all = in_all_.try_emplace(std::string(device), Tries{0, now, false}).first->second;
  Tries& from_peer = by_peer_.try_emplace(key_of(device, peer), Tries{0, now, false}).first->second;
  const bool all_used = in_all.count >= kAttemptsInAll;
  if (all_used || from_peer.count >= kAttempts) {
    const bool first = !std::exchange(from_peer.blocked, true);
    return Block{(all_used ? in_all : from_peer).first + kWindow, first};
  }
  ++in_all.count;
  ++from_peer.count;
  return std::nullopt;
}

void Throttle::succeeded(std::string_view device, std::string_view peer) {
  const std::lock_guard lock(mutex_);
  const auto from_peer = by_peer_.extract(key_of(device, peer));
  const auto in_all = in_all_.find(std::string(device));
  if (from_peer.empty() || in_all == in_all_.end()) return;
  in_all->second.count = std::max(0, in_all->second.count - from_peer.mapped().count);
}

void Throttle::forget_old(core::Time now) {
  const auto over = [now](const auto& entry) { return entry.second.first + kWindow <= now; };
  std::erase_if(in_all_, over);
  std::erase_if(by_peer_, over);
}

}  // namespace ringfence::services::capf

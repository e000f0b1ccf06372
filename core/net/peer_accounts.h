// What is remembered of each peer, in a table that cannot be filled to make it forget.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <random>

#include "core/net/occupancy.h"

namespace ringfence::core {

/// PeerAccounts keeps an Account a peer (see peer_key), so many of them.
///
/// Only an account that is settled is ever forgotten: one that would begin anew as it stands, or
/// that its owner gives up rather than share (`settled` is asked when all places are taken). When
/// all places are taken by those that are not, a newcomer shares an account with others of its
/// neighbourhood (IPv4 /24, IPv6 /48, of which there are 256 accounts): who makes addresses up
/// wipes nobody's debt out, neither his own. `Account` is default constructible and has
/// `bool settled(Clock::time_point) const`. One thread at a time.
template <typename Account>
class PeerAccounts {
 public:
  using Clock = std::chrono::steady_clock;

  explicit PeerAccounts(std::size_t most) : most_(most) {}

  PeerAccounts(const PeerAccounts&) = delete;
  PeerAccounts& operator=(const PeerAccounts&) = delete;

  /// of returns the account that `address` has or shares; valid until the next call.
  Account& of(const asio::ip::address& address, Clock::time_point now) {
    const asio::ip::address peer = peer_key(address);
    const auto found = by_peer_.find(peer);
    if (found != by_peer_.end()) {
      entries_.splice(entries_.end(), entries_, found->second);
      return found->second->account;
    }
    if (full() && !forget_one(now)) return shared_[neighbourhood(peer)];
    by_peer_[peer] = entries_.insert(entries_.end(), Entry{peer, Account()});
    return entries_.back().account;
  }

  std::size_t size() const noexcept { return entries_.size(); }

  bool full() const noexcept { return entries_.size() >= most_; }

 private:
  static constexpr std::size_t kShared = 256;
  static constexpr int kLooks = 4;

  struct Entry {
    asio::ip::address peer;
    Account account;
  };

  using Entries = std::list<Entry>;  ///< the latest last

  /// forget_one looks at the few that were used least recently; those that stay go to the end, so
  /// that all are looked at in turn.
  bool forget_one(Clock::time_point now) {
    for (int look = 0; look < kLooks && !entries_.empty(); ++look) {
      if (entries_.front().account.settled(now)) {
        by_peer_.erase(entries_.front().peer);
        entries_.pop_front();
        return true;
      }
      entries_.splice(entries_.end(), entries_, entries_.begin());
    }
    return false;
  }

  std::size_t neighbourhood(const asio::ip::address& peer) const {
    std::size_t hash = seed_;
    const auto mix = [&hash](const auto& bytes, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) hash = (hash ^ bytes[i]) * 1099511628211U;
    };
    if (peer.is_v4())
      mix(peer.to_v4().to_bytes(), 3);
    else
      mix(peer.to_v6().to_bytes(), 6);
    return (hash >> 16U) % kShared;
  }

  const std::size_t most_;
  const std::size_t seed_ = std::random_device()();  // nobody knows whom he shares with
  Entries entries_;
  std::map<asio::ip::address, typename Entries::iterator> by_peer_;
  std::array<Account, kShared> shared_{};
};

}  // namespace ringfence::core

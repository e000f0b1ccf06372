// How much a peer may ask for before anything is done for it.
#pragma once

#include <chrono>
#include <cstddef>

#include "core/net/peer_accounts.h"

namespace ringfence::core {

/// Allowance gives each peer a burst of requests and then so many a second. One thread at a time.
class Allowance {
 public:
  using Clock = std::chrono::steady_clock;

  struct Bounds {
    double burst = 1;
    double per_second = 1;
    std::size_t peers = 16'384;  ///< who are remembered; see PeerAccounts
  };

  explicit Allowance(Bounds bounds) : bounds_(bounds), accounts_(bounds.peers) {}

  /// spend tells whether the peer may have one more now, and counts it.
  bool spend(const asio::ip::address& peer, Clock::time_point now);

 private:
  struct Account {
    Clock::time_point free_at;  ///< when all that was spent is forgiven

    bool settled(Clock::time_point now) const { return free_at <= now; }
  };

  const Bounds bounds_;
  PeerAccounts<Account> accounts_;
};

}  // namespace ringfence::core

// First blocks that go to peers who have not proved to be there.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <mutex>

#include "core/net/asio.h"

namespace ringfence::services::tftp {

/// Lending bounds what a forged request can make us send to somebody else.
///
/// A request without options is answered with up to 512 bytes, many times what came, before its
/// sender has shown that it is where it says (RFC 1350 knows nothing smaller). So such a block is
/// lent: a peer owes it until it acknowledges one, and a peer that owes too many gets no further
/// one until a moment has passed. A peer that has acknowledged lately may owe more. Safe from
/// several threads.
class Lending {
 public:
  using Clock = std::chrono::steady_clock;

  /// Bounds are how many blocks a peer may owe, and how many are forgiven a second.
  struct Bounds {
    double unknown = 16;
    double unknown_per_second = 4;
    double known = 256;
    double known_per_second = 32;
    Clock::duration known_for = std::chrono::minutes(10);  ///< since its last acknowledgement
    std::size_t peers = 8192;                              ///< who are remembered, the latest ones
  };

  explicit Lending(Bounds bounds) : bounds_(bounds) {}

  Lending() : Lending(Bounds{}) {}

  Lending(const Lending&) = delete;
  Lending& operator=(const Lending&) = delete;

  /// lend tells whether a block may go to `peer` (core::peer_key), and counts it.
  bool lend(const core::asio::ip::address& peer, Clock::time_point now);

  /// acknowledged gives back what was lent: the peer is there.
  void acknowledged(const core::asio::ip::address& peer, Clock::time_point now);

 private:
  struct Account {
    core::asio::ip::address peer;
    double owed = 0;
    Clock::time_point counted;
    Clock::time_point known_until;
  };

  using Accounts = std::list<Account>;  ///< the latest last

  Account& account(const core::asio::ip::address& peer, Clock::time_point now);
  bool knows(const Account& account, Clock::time_point now) const;

  const Bounds bounds_;
  std::mutex mutex_;  // for what follows
  Accounts accounts_;
  std::map<core::asio::ip::address, Accounts::iterator> by_peer_;
};

}  // namespace ringfence::services::tftp

// First blocks that go to peers who have not proved to be there.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>

#include "core/net/asio.h"
#include "core/net/peer_accounts.h"

namespace ringfence::services::tftp {

/// Lending bounds what a forged request can make us send to somebody else.
///
/// A request without options is answered with up to 516 bytes, many times what came, before its
/// sender has shown that it is where it says (RFC 1350 knows nothing smaller). So such a block is
/// lent: a peer (core::peer_key) owes its bytes, and pays with its requests, three bytes for each
/// of its own. As long as it has not acknowledged anything it may owe one block; time forgives
/// nothing, unless so many owe that no more can be remembered: then a debt of a minute is given up,
/// so that who makes addresses up cannot keep all newcomers from their first block. A peer that has
/// acknowledged lately is there, and may owe many: of a site behind one address all phones ask at
/// once. Safe from several threads.
class Lending {
 public:
  using Clock = std::chrono::steady_clock;

  struct Bounds {
    std::size_t unknown = 516;         ///< bytes that a peer may owe: one block
    std::size_t known = 256 * 516;     ///< … when it has acknowledged lately
    std::size_t given_back = 4 * 516;  ///< by each acknowledgement of a first packet
    Clock::duration known_for = std::chrono::minutes(10);  ///< since the last acknowledgement
    Clock::duration forgotten_after =
        std::chrono::hours(1);  ///< without a request: the run is over
    Clock::duration given_up_after = std::chrono::minutes(1);  ///< … when all places are taken
    std::size_t peers = 16'384;  ///< who are remembered; see core::PeerAccounts
  };

  explicit Lending(Bounds bounds) : bounds_(bounds), accounts_(bounds.peers) {}

  Lending() : Lending(Bounds{}) {}

  Lending(const Lending&) = delete;
  Lending& operator=(const Lending&) = delete;

  /// paid counts a request of so many bytes whose answer is lent, or would be. Once for each that
  /// came, answered or not.
  void paid(const core::asio::ip::address& peer, std::size_t request_bytes, Clock::time_point now);

  /// lend tells whether a packet of so many bytes may go to `peer`, and counts it.
  bool lend(const core::asio::ip::address& peer, std::size_t bytes, Clock::time_point now);

  /// acknowledged gives back what was lent: the peer is there.
  void acknowledged(const core::asio::ip::address& peer, Clock::time_point now);

 private:
  struct Account {
    double owed = 0;  ///< bytes; below nothing: paid in advance for the answer that comes
    Clock::time_point known_until;
    Clock::time_point given_up_at;  ///< since the last block was lent
    Clock::time_point forgotten_at;

    /// given_up tells whether it owes what nobody waits for when all places are taken.
    bool given_up(Clock::time_point now) const {
      return owed > 0 && known_until <= now && given_up_at <= now;
    }

    bool settled(Clock::time_point now) const {
      return forgotten_at <= now || (owed <= 0 && known_until <= now) || given_up(now);
    }
  };

  Account& account(const core::asio::ip::address& peer, Clock::time_point now);

  const Bounds bounds_;
  std::mutex mutex_;  // for what follows
  core::PeerAccounts<Account> accounts_;
};

}  // namespace ringfence::services::tftp

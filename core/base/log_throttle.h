// Which log lines are written when a peer causes more of them than anybody can read.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringfence::core {

/// LogThrottle counts lines by event and peer. Not for several threads at once.
///
/// A peer may cause a burst of lines of one event and then a few a second; all peers together a
/// larger burst. What is more is left out, counted, and told every ten seconds, so that a log says
/// what happened and how often, and nobody can fill a disk or wash out what others did.
class LogThrottle {
 public:
  using Clock = std::chrono::steady_clock;

  struct Bounds {
    double burst = 1000;  ///< of one event and one peer
    double per_second = 20;
    double event_burst = 10'000;  ///< of one event, whoever causes it
    double event_per_second = 200;
    Clock::duration tell_after = std::chrono::seconds(10);
    std::size_t keys = 4096;  ///< of events and peers that are remembered
    std::size_t told = 50;    ///< at a time; the rest is one sum
  };

  /// Repeated is what was left out since it was last told; the peer is empty for all others.
  struct Repeated {
    std::string event;
    std::string peer;
    std::uint64_t times = 0;

    bool operator==(const Repeated&) const = default;
  };

  explicit LogThrottle(Bounds bounds) : bounds_(bounds) {}

  LogThrottle() : LogThrottle(Bounds{}) {}

  /// admit tells whether a line may be written. `peer` is "address:port" or "address", or empty for
  /// a line that is nobody's; a peer's ports count as one.
  bool admit(std::string_view event, std::string_view peer, Clock::time_point now);

  /// due returns what is to be told now, and counts from zero again.
  std::vector<Repeated> due(Clock::time_point now);

  /// rest returns what was not told yet, at an end.
  std::vector<Repeated> rest();

 private:
  using Key = std::pair<std::string, std::string>;  ///< event, peer's address

  struct Account {
    double used = 0;
    Clock::time_point counted;
    std::uint64_t left_out = 0;
    Clock::time_point first_left_out;
  };

  using Accounts = std::map<Key, Account>;

  Account* account(const Key& key, Clock::time_point now);
  void forget_idle(Clock::time_point now);
  static bool spend(Account& account, double burst, double per_second, Clock::time_point now);
  void leave_out(Account& account, Clock::time_point now);
  template <typename Due>
  std::vector<Repeated> told(Due is_due);

  const Bounds bounds_;
  Accounts accounts_;
  std::size_t silenced_ = 0;  ///< accounts with something left out
};

}  // namespace ringfence::core

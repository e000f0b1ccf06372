// So many log lines a peer, and no more.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace ringfence::services::callmanager {

/// Quiet lets `burst` lines a peer through in each period of ten seconds, so that no peer fills the
/// log. It remembers 1024 peers; the others share one account. One thread at a time.
class Quiet {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kPeriod{10};
  static constexpr std::size_t kMostPeers = 1024;

  explicit Quiet(std::size_t burst) : burst_(burst) {}

  static Time now() { return std::chrono::steady_clock::now(); }

  /// pass returns how many lines of this peer were kept back since the last one that passed, when
  /// this one may be written; nothing when it may not.
  std::optional<std::size_t> pass(const std::string& peer, Time now);

 private:
  struct Account {
    Time since;
    std::size_t lines = 0;
    std::size_t kept_back = 0;
  };

  std::size_t burst_;
  std::map<std::string, Account> accounts_;
};

}  // namespace ringfence::services::callmanager

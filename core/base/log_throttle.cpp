#include "core/base/log_throttle.h"

#include <algorithm>

namespace ringfence::core {
namespace {

/// address_of takes the port off "address:port".
std::string address_of(std::string_view peer) {
  const auto colon = peer.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == peer.size()) return std::string(peer);
  const std::string_view port = peer.substr(colon + 1);
  const bool digits = port.find_first_not_of("0123456789") == std::string_view::npos;
  return std::string(digits ? peer.substr(0, colon) : peer);
}

}  // namespace

bool LogThrottle::admit(std::string_view event, std::string_view peer, Clock::time_point now) {
  const Key everybody(event, "");
  Account* const all = account(everybody, now);
  if (!peer.empty()) {
    Account* const one = account({std::string(event), address_of(peer)}, now);
    // A peer that finds no room in the table is bounded by what everybody may do.
    if (one != nullptr && !spend(*one, bounds_.burst, bounds_.per_second, now)) {
      leave_out(*one, now);
      return false;
    }
  }
  if (all == nullptr || spend(*all, bounds_.event_burst, bounds_.event_per_second, now)) {
    return true;
  }
  leave_out(*all, now);
  return false;
}

std::vector<LogThrottle::Repeated> LogThrottle::due(Clock::time_point now) {
  return told(
      [&](const Account& account) { return now - account.first_left_out >= bounds_.tell_after; });
}

std::vector<LogThrottle::Repeated> LogThrottle::rest() {
  return told([](const Account&) { return true; });
}

template <typename Due>
std::vector<LogThrottle::Repeated> LogThrottle::told(Due is_due) {
  std::vector<Repeated> all;
  if (silenced_ == 0) return all;
  std::map<std::string, std::uint64_t> sums;
  for (auto& [key, account] : accounts_) {
    if (account.left_out == 0 || !is_due(account)) continue;
    if (all.size() < bounds_.told) {
      all.push_back({key.first, key.second, account.left_out});
    } else {
      sums[key.first] += account.left_out;
    }
    account.left_out = 0;
    --silenced_;
  }
  for (const auto& [event, times] : sums) all.push_back({event, "", times});
  return all;
}

/// account returns the one of `key`, or null when the table is full of busy ones.
LogThrottle::Account* LogThrottle::account(const Key& key, Clock::time_point now) {
  const auto found = accounts_.find(key);
  if (found != accounts_.end()) return &found->second;
  if (accounts_.size() >= bounds_.keys) forget_idle(now);
  // Events are few, and each must have its bound.
  if (accounts_.size() >= bounds_.keys && !key.second.empty()) return nullptr;
  return &accounts_.emplace(key, Account{0, now, 0, {}}).first->second;
}

/// forget_idle drops who has nothing left to say and would start anew alike.
void LogThrottle::forget_idle(Clock::time_point now) {
  std::erase_if(accounts_, [&](const auto& entry) {
    const auto& [key, account] = entry;
    if (key.second.empty() || account.left_out > 0) return false;
    const double seconds = std::chrono::duration<double>(now - account.counted).count();
    return account.used <= seconds * bounds_.per_second;
  });
}

bool LogThrottle::spend(Account& account, double burst, double per_second, Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - account.counted).count();
  account.used = std::max(0.0, account.used - seconds * per_second);
  account.counted = now;
  if (account.used + 1 > burst) return false;
  ++account.used;
  return true;
}

void LogThrottle::leave_out(Account& account, Clock::time_point now) {
  if (account.left_out++ > 0) return;
  account.first_left_out = now;
  ++silenced_;
}

}  // namespace ringfence::core

#include "services/tftp/lending.h"

#include <algorithm>

namespace ringfence::services::tftp {

bool Lending::lend(const core::asio::ip::address& peer, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Account& debtor = account(peer, now);
  if (debtor.owed + 1 > (knows(debtor, now) ? bounds_.known : bounds_.unknown)) return false;
  ++debtor.owed;
  return true;
}

void Lending::acknowledged(const core::asio::ip::address& peer, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Account& payer = account(peer, now);
  payer.owed = std::max(0.0, payer.owed - 1);
  payer.known_until = now + bounds_.known_for;
}

/// account returns the peer's, with what time has forgiven taken off.
Lending::Account& Lending::account(const core::asio::ip::address& peer, Clock::time_point now) {
  const auto found = by_peer_.find(peer);
  if (found == by_peer_.end()) {
    if (accounts_.size() >= bounds_.peers) {
      by_peer_.erase(accounts_.front().peer);
      accounts_.pop_front();
    }
    by_peer_[peer] = accounts_.insert(accounts_.end(), Account{peer, 0, now, {}});
    return accounts_.back();
  }
  accounts_.splice(accounts_.end(), accounts_, found->second);
  Account& account = accounts_.back();
  const double seconds = std::chrono::duration<double>(now - account.counted).count();
  const double rate = knows(account, now) ? bounds_.known_per_second : bounds_.unknown_per_second;
  account.owed = std::max(0.0, account.owed - seconds * rate);
  account.counted = now;
  return account;
}

bool Lending::knows(const Account& account, Clock::time_point now) const {
  return now < account.known_until;
}

}  // namespace ringfence::services::tftp

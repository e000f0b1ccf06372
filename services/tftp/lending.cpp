#include "services/tftp/lending.h"

#include <algorithm>

#include "services/tftp/protocol.h"

namespace ringfence::services::tftp {

void Lending::paid(const core::asio::ip::address& peer, std::size_t request_bytes,
                   Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Account& payer = account(peer, now);
  // What is paid in advance buys one answer and is not saved up for a burst.
  const auto bytes = static_cast<double>(kMaxAmplification * request_bytes);
  payer.owed = std::max(payer.owed - bytes, -static_cast<double>(bounds_.unknown));
}

bool Lending::lend(const core::asio::ip::address& peer, std::size_t bytes, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Account& debtor = account(peer, now);
  const std::size_t most = now < debtor.known_until ? bounds_.known : bounds_.unknown;
  const double owed = debtor.owed + static_cast<double>(bytes);
  if (owed > static_cast<double>(most)) return false;
  debtor.owed = owed;
  debtor.given_up_at = now + bounds_.given_up_after;
  return true;
}

void Lending::acknowledged(const core::asio::ip::address& peer, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Account& payer = account(peer, now);
  const double left = std::max(0.0, payer.owed - static_cast<double>(bounds_.given_back));
  payer.owed = std::min(payer.owed, left);
  payer.known_until = now + bounds_.known_for;
}

/// account returns the peer's, anew when its last run is over; when all places are taken, also when
/// its debt is given up.
Lending::Account& Lending::account(const core::asio::ip::address& peer, Clock::time_point now) {
  Account& account = accounts_.of(peer, now);
  if (account.forgotten_at <= now || (accounts_.full() && account.given_up(now)))
    account = Account();
  account.forgotten_at = now + bounds_.forgotten_after;
  return account;
}

}  // namespace ringfence::services::tftp

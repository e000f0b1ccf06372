#include "services/callmanager/quiet.h"

#include <utility>

namespace ringfence::services::callmanager {

std::optional<std::size_t> Quiet::pass(const std::string& peer, Time now) {
  auto account = accounts_.find(peer);
  if (account == accounts_.end()) {
    if (accounts_.size() >= kMostPeers)
      std::erase_if(accounts_, [now](const auto& one) {
        const auto age = now - one.second.since;
        return age >= 6 * kPeriod || (age >= kPeriod && one.second.kept_back == 0);
      });
    account = accounts_.try_emplace(accounts_.size() < kMostPeers ? peer : "", Account{now}).first;
  }
  Account& its = account->second;
  if (now - its.since >= kPeriod) {
    its.since = now;
    its.lines = 0;
  }
  if (its.lines >= burst_) {
    ++its.kept_back;
    return std::nullopt;
  }
  ++its.lines;
  return std::exchange(its.kept_back, 0);
}

}  // namespace ringfence::services::callmanager

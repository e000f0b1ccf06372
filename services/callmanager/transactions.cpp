#include "services/callmanager/transactions.h"

#include <algorithm>

namespace ringfence::services::callmanager {

namespace {

constexpr std::chrono::milliseconds kT1{500};
constexpr std::chrono::milliseconds kT2{4000};

}  // namespace

void Transactions::start(const std::string& branch, Notify notify, Time now) {
  const bool udp = notify.way.flow == 0;
  pending_.insert_or_assign(branch, Pending{std::move(notify), now + kPatience,
                                            udp ? now + kT1 : now + 2 * kPatience, kT1});
}

std::optional<Notify> Transactions::answered(const std::string& branch,
                                             const std::string& address) {
  const auto found = pending_.find(branch);
  if (found == pending_.end() || found->second.notify.way.address() != address) return std::nullopt;
  Notify notify = std::move(found->second.notify);
  pending_.erase(found);
  return notify;
}

std::vector<Notify> Transactions::lost(Flow flow) {
  std::vector<Notify> gone;
  std::erase_if(pending_, [&](auto& one) {
    if (one.second.notify.way.flow != flow) return false;
    gone.push_back(std::move(one.second.notify));
    return true;
  });
  return gone;
}

Transactions::Due Transactions::due(Time now) {
  Due due;
  for (auto at = pending_.begin(); at != pending_.end();) {
    Pending& pending = at->second;
    if (now >= pending.end) {
      due.over.push_back(std::move(pending.notify));
      at = pending_.erase(at);
      continue;
    }
    if (now >= pending.next) {
      due.again.push_back(&pending.notify);
      pending.interval = std::min(pending.interval * 2, kT2);
      pending.next = now + pending.interval;
    }
    ++at;
  }
  return due;
}

}  // namespace ringfence::services::callmanager

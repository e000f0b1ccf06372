#include "core/phones/trust_sign_log.h"

#include <algorithm>

#include "core/base/log.h"

namespace ringfence::core {

TrustSignLog::TrustSignLog(Database& database, WriteGroup& group, const Bounds& bounds)
    : store_(database),
      bounds_(bounds),
      behind_(
          group, {.event = "TRUST_SIGNS_WAIT"}, [this] { return take(); },
          [this](const Batch& batch) { store_.save(batch); }) {}

void TrustSignLog::add(TrustSign sign) {
  {
    const std::lock_guard lock(mutex_);
    ++waiting_of_[sign.peer];
    waiting_.push_back(std::move(sign));
    if (waiting_.size() > bounds_.waiting) drop_one();
  }
  behind_.due();
}

void TrustSignLog::drop_one() {
  if (!lost_some_) log(Level::warning, "TRUST_SIGNS_LOST");
  lost_some_ = true;
  const auto fewer = [](const auto& a, const auto& b) { return a.second < b.second; };
  const std::string greediest =
      std::max_element(waiting_of_.begin(), waiting_of_.end(), fewer)->first;
  const auto is_theirs = [&](const TrustSign& sign) { return sign.peer == greediest; };
  waiting_.erase(std::find_if(waiting_.begin(), waiting_.end(), is_theirs));
  one_less(greediest);
}

void TrustSignLog::one_less(const std::string& peer) {
  const auto found = waiting_of_.find(peer);
  if (--found->second == 0) waiting_of_.erase(found);
}

std::pair<TrustSignLog::Batch, bool> TrustSignLog::take() {
  const std::lock_guard lock(mutex_);
  Batch batch;
  while (!waiting_.empty() && batch.size() < bounds_.batch) {
    one_less(waiting_.front().peer);
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  lost_some_ = lost_some_ && !waiting_.empty();
  return {std::move(batch), !waiting_.empty()};
}

}  // namespace ringfence::core

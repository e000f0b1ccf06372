#include "services/callmanager/reset_queue.h"

namespace ringfence::services::callmanager {

bool ResetQueue::add(Order order) {
  if (!asked_.try_emplace(order.key).second) return false;
  waiting_.push_back(std::move(order));
  return true;
}

std::optional<Order> ResetQueue::next() {
  if (waiting_.empty() || unanswered_ >= most_) return std::nullopt;
  Order order = std::move(waiting_.front());
  waiting_.pop_front();
  return order;
}

void ResetQueue::sent(const ResetKey& key, std::size_t count) {
  if (count == 0) {
    asked_.erase(key);
    return;
  }
  asked_[key].unanswered += count;
  unanswered_ += count;
}

std::optional<int> ResetQueue::answered(const ResetKey& key, int status) {
  const auto found = asked_.find(key);
  if (found == asked_.end() || found->second.unanswered == 0) return std::nullopt;
  Asked& asked = found->second;
  --unanswered_;
  --asked.unanswered;
  const bool last = asked.unanswered == 0;
  const bool decides = !asked.decided && (last || (status >= 200 && status < 300));
  asked.decided = asked.decided || decides;
  if (last) asked_.erase(found);
  if (!decides) return std::nullopt;
  return status;
}

}  // namespace ringfence::services::callmanager

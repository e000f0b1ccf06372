#include "services/admin/jobs/deadlines.h"

namespace ringfence::services::admin {

void Deadlines::set(const std::string& phone, core::Time at) {
  clear(phone);
  times_.emplace(phone, at);
  queue_.emplace(at, phone);
}

void Deadlines::clear(const std::string& phone) {
  const auto found = times_.find(phone);
  if (found == times_.end()) return;
  queue_.erase({found->second, phone});
  times_.erase(found);
}

std::vector<std::string> Deadlines::take_due(core::Time now) {
  std::vector<std::string> due;
  while (!queue_.empty() && queue_.begin()->first <= now) {
    due.push_back(queue_.begin()->second);
    times_.erase(due.back());
    queue_.erase(queue_.begin());
  }
  return due;
}

}  // namespace ringfence::services::admin

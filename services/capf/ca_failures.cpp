// How often in a row a phone was sent away because the CA could not sign.
#include "services/capf/ca_failures.h"

namespace ringfence::services::capf {

bool CaFailures::another(std::string_view device, std::int64_t request) {
  const std::lock_guard lock(mutex_);
  const auto at = rows_.try_emplace(std::string(device)).first;
  if (at->second.request != request) at->second = {request, 0};
  if (++at->second.count < kAttempts) return false;
  rows_.erase(at);
  return true;
}

void CaFailures::worked(std::string_view device) {
  const std::lock_guard lock(mutex_);
  rows_.erase(std::string(device));
}

}  // namespace ringfence::services::capf

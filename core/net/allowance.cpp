#include "core/net/allowance.h"

#include <algorithm>

namespace ringfence::core {

bool Allowance::spend(const asio::ip::address& peer, Clock::time_point now) {
  using Seconds = std::chrono::duration<double>;
  Account& its = accounts_.of(peer, now);
  const double used = std::max(0.0, Seconds(its.free_at - now).count() * bounds_.per_second);
  if (used + 1 > bounds_.burst) return false;
  its.free_at =
      now + std::chrono::duration_cast<Clock::duration>(Seconds((used + 1) / bounds_.per_second));
  return true;
}

}  // namespace ringfence::core

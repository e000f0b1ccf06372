// Whose message is judged next.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/net/allowance.h"
#include "core/net/fair_queue.h"
#include "services/callmanager/wire.h"

namespace ringfence::services::callmanager {

/// Waiting is a message that has its turn later.
struct Waiting {
  std::string text;
  Way way;
};

/// Turns gives each address an allowance of messages, and then its turn: one message of each
/// address that has any, again and again.
///
/// Datagrams and connections are apart and take turns: whoever forges an address in datagrams uses
/// up nothing of what comes over its connections. One thread at a time.
class Turns {
 public:
  using Time = core::Allowance::Clock::time_point;

  /// allows tells whether the address of `way` may have one more judged now, and counts it.
  bool allows(const Way& way, Time now);

  /// push puts a message in line; returns those that find no room: see FairQueue.
  std::vector<Waiting> push(Waiting message);

  std::optional<Waiting> pop();  ///< the next, if any

  bool empty() const noexcept;

 private:
  // Of an address: a site of a thousand phones behind it starts at once, and refreshes ever after.
  static constexpr core::Allowance::Bounds kAllowance{.burst = 20'000, .per_second = 200};
  // Bytes that wait.
  static constexpr core::FairQueue<Waiting>::Bounds kWaiting{.per_peer = 4'000'000,
                                                             .in_all = 16'000'000};

  struct Half {
    core::Allowance allowance{kAllowance};
    core::FairQueue<Waiting> waiting{kWaiting};
  };

  Half& of(const Way& way) { return halves_[way.flow == 0 ? 0 : 1]; }

  std::array<Half, 2> halves_;
  std::size_t next_ = 0;
};

}  // namespace ringfence::services::callmanager

// NOTIFYs that have no answer yet, and when each is sent again.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/callmanager/registrar.h"
#include "services/callmanager/reset_queue.h"
#include "services/callmanager/wire.h"

namespace ringfence::services::callmanager {

/// Notify is one NOTIFY that was sent.
struct Notify {
  ResetKey key;
  ContactKey contact;
  Way way;
  std::string text;
};

/// Transactions are the client transactions of our NOTIFYs, by branch (RFC 3261 section 17.1.2).
/// Over UDP a request is sent again after 0.5, 1, 2, 4, 4 … seconds; without an answer for ten it
/// has ended. No sockets, no clock; one thread at a time.
class Transactions {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kPatience{10};

  void start(const std::string& branch, Notify notify, Time now);

  /// answered ends the transaction that a final response from `address` belongs to.
  std::optional<Notify> answered(const std::string& branch, const std::string& address);

  /// lost ends those that were sent over a connection.
  std::vector<Notify> lost(Flow flow);

  /// Due is what has to be done now.
  struct Due {
    std::vector<const Notify*> again;  ///< valid until the next call
    std::vector<Notify> over;
  };

  Due due(Time now);

  bool empty() const noexcept { return pending_.empty(); }

 private:
  struct Pending {
    Notify notify;
    Time end;
    Time next;
    std::chrono::milliseconds interval;
  };

  std::map<std::string, Pending> pending_;
};

}  // namespace ringfence::services::callmanager

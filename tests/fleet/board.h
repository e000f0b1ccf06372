// Where the phones write what they do, and others read and wait.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "tests/fleet/fleet.h"

namespace ringfence::fleet {

/// Board holds one PhoneReport a phone. Safe from several threads.
class Board {
 public:
  explicit Board(const std::vector<std::string>& names);

  /// update lets `change` alter a phone's report, and wakes who waits.
  template <typename Change>
  void update(std::size_t phone, const Change& change) {
    {
      const std::lock_guard lock(mutex_);
      change(report_.phones[phone]);
      ++version_;
    }
    changed_.notify_all();
  }

  Report report() const;

  /// wait_until looks at the report after changes, about twenty times a second at most.
  bool wait_until(const std::function<bool(const Report&)>& done,
                  std::chrono::milliseconds timeout) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  Report report_;
  std::uint64_t version_ = 0;
};

}  // namespace ringfence::fleet

// A bound on how many phones boot at the same time.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "core/net/asio.h"

namespace ringfence::fleet {

/// Gate lets a fixed number of coroutines in at once, first come first served.
class Gate {
 public:
  /// Place is one coroutine's stay; its end lets the next one in.
  class Place {
   public:
    Place() = default;

    explicit Place(Gate& gate) : gate_(&gate) {}

    Place(Place&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}

    Place& operator=(Place&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }

    ~Place() {
      if (gate_ != nullptr) gate_->leave();
    }

   private:
    Gate* gate_ = nullptr;
  };

  explicit Gate(std::size_t places) : free_(places) {}

  /// enter waits for a place. The gate must outlive the coroutine.
  core::Task<Place> enter();

 private:
  using Waiter = std::shared_ptr<core::asio::steady_timer>;

  void leave();

  std::mutex mutex_;
  std::size_t free_;
  std::deque<Waiter> waiting_;
};

}  // namespace ringfence::fleet

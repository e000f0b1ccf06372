// The PIN that an administrator types: kept in memory for the workers, and tried with care.
#pragma once

#include <chrono>
#include <optional>

#include "hsm/error.h"
#include "hsm/signer/state.h"

namespace ringfence::hsm {

/// Lock holds the typed PIN. Software tokens never lock a PIN, so trying is slowed here: after n
/// refused PINs in a row the next is taken 2^n s later, at most five minutes. Pure.
class Lock {
 public:
  using Clock = std::chrono::steady_clock;

  /// try_pin takes a PIN to be tried. Throws Error{unavailable} too soon after a refused one.
  void try_pin(BytesView pin, Clock::time_point now);

  void accepted() { refused_ = 0; }

  void refused(Clock::time_point now);

  /// pin returns null while locked.
  const Pin* pin() const noexcept { return pin_ ? &*pin_ : nullptr; }

  Pin* pin() noexcept { return pin_ ? &*pin_ : nullptr; }

 private:
  std::optional<Pin> pin_;
  unsigned refused_ = 0;
  Clock::time_point next_ = Clock::time_point::min();
};

}  // namespace ringfence::hsm

#include "hsm/signer/lock.h"

#include <algorithm>

#include <fmt/format.h>

namespace ringfence::hsm {

void Lock::try_pin(BytesView pin, Clock::time_point now) {
  if (now < next_) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(next_ - now);
    throw Error(
        Kind::unavailable,
        fmt::format("the last PIN was refused: the next one is taken in {} s", left.count()), left);
  }
  pin_.emplace(Bytes(pin.begin(), pin.end()));
}

void Lock::refused(Clock::time_point now) {
  pin_.reset();
  refused_ = std::min(refused_ + 1, 9U);
  next_ = now + std::min(std::chrono::seconds(1U << refused_), std::chrono::seconds(300));
}

}  // namespace ringfence::hsm

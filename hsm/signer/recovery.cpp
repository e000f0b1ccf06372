#include "hsm/signer/recovery.h"

#include <algorithm>

namespace ringfence::hsm {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstPause = 100ms;    // after a failed start, doubled by each one that follows
constexpr unsigned kFailedStarts = 5;  // in a row: the token counts as lost

}  // namespace

void Recovery::starting(Clock::time_point now) {
  if (lost_) reopened_ = now;
}

void Recovery::ready(Clock::time_point started) {
  failed_starts_ = 0;
  if (started >= lost_at_) lost_.reset();
}

void Recovery::died(Clock::time_point now, Clock::time_point started, bool was_ready) {
  if (was_ready) return;
  next_ = now + kFirstPause * (1U << failed_starts_);
  if (++failed_starts_ < kFailedStarts) return;
  failed_starts_ = 0;
  lost(now, started, Error(Kind::unavailable, "the signer's workers end before they are ready"));
}

void Recovery::lost(Clock::time_point now, Clock::time_point started, const Error& reason) {
  if (started < reopened_) return;
  lost_ = reason;
  lost_at_ = now;
}

std::optional<Recovery::Clock::time_point> Recovery::next_start() const {
  if (pin_refused_) return std::nullopt;
  if (!lost_ || reopened_ == Clock::time_point::min()) return next_;
  return std::max(next_, reopened_ + kReopenPause);
}

const Error* Recovery::trouble() const noexcept {
  if (pin_refused_) return &*pin_refused_;
  return lost_ ? &*lost_ : nullptr;
}

}  // namespace ringfence::hsm

// When a worker may be started: the policy after deaths, a lost token, a refused PIN.
#pragma once

#include <chrono>
#include <optional>

#include "hsm/error.h"

namespace ringfence::hsm {

/// Recovery is told what happens to workers and says when the next may start. Pure.
///
/// A worker that died is replaced at once; one that died before it was ready 0.1 s later, then 0.2,
/// 0.4 …, and after five of these in a row the token counts as lost. When the token was lost, one
/// worker opens the module anew, at most once in 30 s; the others follow when it is ready. After a
/// refused PIN none is started ever again.
class Recovery {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr std::chrono::seconds kReopenPause{30};

  /// starting is told just before a worker is forked.
  void starting(Clock::time_point now);
  /// ready is told of each hello. It ends a loss only when the worker was started after it.
  void ready(Clock::time_point started);
  void died(Clock::time_point now, Clock::time_point started, bool was_ready);
  /// lost is told when a worker saw a code of loss, or could not log in for another reason than
  /// the PIN. A worker that was started before the last reopening says nothing new.
  void lost(Clock::time_point now, Clock::time_point started, const Error& reason);

  void pin_refused(const Error& reason) { pin_refused_ = reason; }

  /// unlocked forgets a refused PIN: another one was typed.
  void unlocked() { pin_refused_.reset(); }

  /// next_start returns the earliest moment, nothing for never.
  std::optional<Clock::time_point> next_start() const;

  /// trouble says why workers are missing: the refused PIN or the lost token; null when they are
  /// only being replaced.
  const Error* trouble() const noexcept;

  const std::optional<Error>& refused_pin() const noexcept { return pin_refused_; }

 private:
  Clock::time_point next_;  ///< the clock's beginning: from it to now can be subtracted
  Clock::time_point reopened_ = Clock::time_point::min();
  Clock::time_point lost_at_ = Clock::time_point::min();
  unsigned failed_starts_ = 0;
  std::optional<Error> lost_;
  std::optional<Error> pin_refused_;
};

}  // namespace ringfence::hsm

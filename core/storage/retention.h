// How long what has ended is kept. The administrator's settings, in admin.db.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/storage/database.h"

namespace ringfence::core {

/// Kept is a kind of row, or file, that is of no use for ever. Audit records, certificates, what
/// each phone was last proven to hold, and everything of a job that has not ended are not among
/// them: nothing takes those away.
enum class Kept { jobs, resets, outcomes, fetches, security_events, logs };

inline constexpr std::array kAllKept = {Kept::jobs,    Kept::resets,          Kept::outcomes,
                                        Kept::fetches, Kept::security_events, Kept::logs};

std::string_view word(Kept kept) noexcept;      ///< "jobs", …, "security-events", "logs"
std::string_view describe(Kept kept) noexcept;  ///< what is taken away, in words
Kept kept_from(std::string_view word);          ///< throws Error{malformed} that lists the words

/// Retention is how many days each kind is kept.
class Retention {
 public:
  static constexpr int kLeast = 7;
  static constexpr int kMost = 3650;

  int days(Kept kept) const noexcept { return days_.at(static_cast<std::size_t>(kept)); }

  /// set throws Error{malformed} for days below kLeast or above kMost.
  void set(Kept kept, int days);

  /// oldest returns the time before which things of this kind are taken away.
  Time oldest(Kept kept, Time now) const { return now - std::chrono::days(days(kept)); }

  bool operator==(const Retention&) const = default;

 private:
  std::array<int, kAllKept.size()> days_ = {365, 90, 365, 365, 365, 90};
};

/// RetentionStore keeps it. Safe from several threads. Errors: `io`, `malformed`.
class RetentionStore {
 public:
  /// `database` is admin.db; `load` works read-only too.
  explicit RetentionStore(Database& database) : database_(database) {}

  Retention load() const;  ///< what was never set has its default
  void set(Kept kept, int days);

 private:
  Database& database_;
};

}  // namespace ringfence::core

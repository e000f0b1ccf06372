// What is read of a database once and used until the database changes.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "core/storage/database.h"

namespace ringfence::core {

/// ChangeSignal tells whether a database has changed since it was last dealt with. One thread.
class ChangeSignal {
 public:
  /// on_change runs `work` unless nothing was committed since the last time that it ran to its end,
  /// and returns whether it ran. What is committed while it runs counts for the next time; what it
  /// throws is thrown, and it runs again then. A database opened anew has changed.
  template <typename Work>
  bool on_change(Database& database, const Work& work) {
    const Change now = database.change();
    if (seen_ == now) return false;
    work();
    seen_ = now;
    return true;
  }

  /// forget makes the next on_change run, changed or not.
  void forget() noexcept { seen_.reset(); }

 private:
  std::optional<Change> seen_;
};

/// Cached is what `make` reads of a database, made again when the database has changed. Safe from
/// several threads; one of them makes while the others wait for it.
template <typename Value>
class Cached {
 public:
  using Made = std::shared_ptr<const Value>;

  /// `database` must outlive it.
  Cached(Database& database, std::function<Made()> make)
      : database_(database), make_(std::move(make)) {}

  /// get returns the newest. Throws what the database or `make` throws; the next call tries again.
  Made get() {
    const std::lock_guard lock(mutex_);
    signal_.on_change(database_, [this] { made_ = make_(); });
    return made_;
  }

  /// last returns what was made last, whatever the database is now; null before the first.
  Made last() const {
    const std::lock_guard lock(mutex_);
    return made_;
  }

  /// outdate has the next `get` make it anew, changed or not.
  void outdate() {
    const std::lock_guard lock(mutex_);
    signal_.forget();
  }

 private:
  Database& database_;
  const std::function<Made()> make_;
  mutable std::mutex mutex_;  // for what follows
  ChangeSignal signal_;
  Made made_;
};

}  // namespace ringfence::core

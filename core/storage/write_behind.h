// What may be written a little later, and must not be lost meanwhile.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

#include "core/base/log.h"
#include "core/storage/write_group.h"

namespace ringfence::core {

/// WriteBehind writes what its owner has gathered, batch by batch and in order, as pieces of a
/// WriteGroup. A batch that could not be written, for a full disk say, is kept and tried again each
/// second until it is; one log line says why. Safe from several threads.
///
/// A Batch can be empty, and says so by `empty()`.
template <typename Batch>
class WriteBehind {
 public:
  struct Terms {
    std::string event;  ///< the log line of a failure, such as "TRUST_SIGNS_WAIT"
    std::chrono::milliseconds gather{100};  ///< how long company is waited for
  };

  /// Take returns the next batch of what was gathered, and whether there is more behind it; Save
  /// writes it. Both are called on the group's thread, in its transaction.
  using Take = std::function<std::pair<Batch, bool>()>;
  using Save = std::function<void(const Batch&)>;

  /// `group`, and what `take` and `save` use, must outlive it.
  WriteBehind(WriteGroup& group, Terms terms, Take take, Save save)
      : state_(std::make_shared<State>(group, std::move(terms), std::move(take), std::move(save))) {
  }

  WriteBehind(const WriteBehind&) = delete;
  WriteBehind& operator=(const WriteBehind&) = delete;

  /// Writes what is left, once.
  ~WriteBehind() {
    state_->close();
    try {
      state_->group.write([this](soci::session& /*sql*/) { state_->write_all(); });
    } catch (const std::exception& error) {
      log(Level::error, state_->terms.event, {{"why", error.what()}});
    }
  }

  /// due says that there is something to take. Never waits.
  void due() { schedule(state_); }

 private:
  /// State outlives the pieces of the group that were put off.
  struct State {
    State(WriteGroup& to, Terms on, Take from, Save by)
        : group(to), terms(std::move(on)), take(std::move(from)), save(std::move(by)) {}

    void close() {
      const std::lock_guard lock(mutex);
      closed = true;
    }

    /// begin tells whether a piece may go on: its owner is there.
    bool begin() {
      const std::lock_guard lock(mutex);
      scheduled = false;
      return !closed;
    }

    void write_next() {
      if (batch.empty()) std::tie(batch, more) = take();
      if (!batch.empty()) save(batch);
    }

    void write_all() {
      if (!batch.empty()) write_next();
      do {
        batch = Batch();
        write_next();
      } while (more);
    }

    WriteGroup& group;
    const Terms terms;
    const Take take;
    const Save save;
    std::mutex mutex;
    bool scheduled = false;  // guarded by mutex, as is what follows
    bool closed = false;
    bool failing = false;
    Batch batch;        // taken and not yet on the disk; the group's thread's, as is what follows
    bool more = false;  // is behind it
  };

  static void schedule(const std::shared_ptr<State>& state) {
    constexpr std::chrono::milliseconds kRetry{1000};
    std::chrono::milliseconds after;
    {
      const std::lock_guard lock(state->mutex);
      if (std::exchange(state->scheduled, true) || state->closed) return;
      after = state->failing ? kRetry : state->terms.gather;
    }
    state->group.later(
        after,
        [state](soci::session& /*sql*/) {
          if (state->begin()) state->write_next();
        },
        [state](const std::exception_ptr& error) { ended(state, error); });
  }

  static void ended(const std::shared_ptr<State>& state, const std::exception_ptr& error) {
    if (!error) state->batch = Batch();
    bool was_failing = false;
    {
      const std::lock_guard lock(state->mutex);
      if (state->closed) return;  // what is left is its owner's last piece
      was_failing = std::exchange(state->failing, error != nullptr);
    }
    if (!error) {
      // What came while it was tried again has asked for nothing.
      if (state->more || was_failing) schedule(state);
      return;
    }
    if (!was_failing) {
      try {
        std::rethrow_exception(error);
      } catch (const std::exception& why) {
        log(Level::error, state->terms.event, {{"why", why.what()}});
      }
    }
    schedule(state);
  }

  std::shared_ptr<State> state_;
};

}  // namespace ringfence::core

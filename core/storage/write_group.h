// Writes of many threads that share one transaction, and so one wait for the disk.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "core/base/error.h"
#include "core/storage/database.h"

namespace ringfence::core {

/// WriteGroup runs pieces of work, in the order in which they came, on a thread of its own: all
/// that wait when it begins become one transaction.
///
/// Each piece runs in a savepoint: one that fails is undone alone, and only its caller hears of it.
/// A commit that fails, for a full disk say, fails every piece of its group, and nothing of them
/// shows; nor after a crash, when Database::settle can see to it. Stores of the same database may
/// be called from a piece: what they write becomes part of it. Safe from several threads; never to
/// be called from a piece of work.
class WriteGroup {
 public:
  struct Bounds {
    std::size_t waiting = 4096;  ///< pieces; whoever brings one more waits for room
    std::size_t group = 512;     ///< pieces in one transaction
    /// How long a queued piece may wait for one that somebody waits for.
    std::chrono::milliseconds linger{20};
  };

  /// `database` must outlive it, and may be written by others too.
  explicit WriteGroup(Database& database) : WriteGroup(database, Bounds()) {}

  WriteGroup(Database& database, const Bounds& bounds);
  WriteGroup(const WriteGroup&) = delete;
  WriteGroup& operator=(const WriteGroup&) = delete;
  /// Commits what is queued first.
  ~WriteGroup();

  /// write runs `work(soci::session&)` and returns what it returned once that is on disk. Throws
  /// what the work threw, SOCI's exceptions as Error, or Error{io} when the commit failed.
  template <typename Work>
  auto write(const Work& work) {
    using Result = std::invoke_result_t<const Work&, soci::session&>;
    if constexpr (std::is_void_v<Result>) {
      run_and_wait([&](soci::session& sql) { work(sql); });
    } else {
      std::optional<Result> result;
      run_and_wait([&](soci::session& sql) { result.emplace(work(sql)); });
      return std::move(*result);
    }
  }

  using Work = std::function<void(soci::session&)>;
  using Done = std::function<void(std::exception_ptr)>;

  /// submit runs `work` and then tells `done` what became of it: nothing when it is on disk, else
  /// what `write` would have thrown. On the group's thread, which `done` must neither hold nor
  /// throw at. It never waits, not even for room: whoever submits has a bound of his own on what he
  /// has under way. A coroutine awaits it by core::committed (core/net).
  void submit(Work work, Done done);

  using Failed = std::function<void(const std::exception&)>;

  /// queue runs `work` behind all that came before, and does not wait for it. `failed` hears what
  /// went wrong, on the group's thread; neither may throw out of it.
  void queue(Work work, Failed failed);

  /// later is submit with `work` put off: it is run once `after` has passed, or at the group's end.
  void later(std::chrono::milliseconds after, Work work, Done done);

  /// flush returns when all that came before is on disk, or has failed.
  void flush();

  /// Counts are pieces of work and transactions since the start: how well writes share.
  struct Counts {
    std::uint64_t works = 0;
    std::uint64_t commits = 0;
  };

  Counts counts() const;

 private:
  struct Piece {
    Work work;
    Done done;
    bool awaited = true;  ///< by somebody who goes on when it is done
    std::exception_ptr error = nullptr;
  };

  void run_and_wait(Work work);
  void add(Piece piece, std::unique_lock<std::mutex>& lock);
  void run();
  void take_what_is_due();
  void commit(std::vector<Piece>& group);
  void make_void() noexcept;
  void run_in_savepoint(Piece& piece, soci::session& sql);

  Database& database_;
  const Bounds bounds_;
  mutable std::mutex mutex_;
  std::condition_variable come_;
  std::condition_variable room_;
  std::deque<Piece> pieces_;
  std::multimap<std::chrono::steady_clock::time_point, Piece> put_off_;  ///< by when it is due
  bool looks_ = false;       ///< whether the thread has seen all that was put off
  std::size_t awaited_ = 0;  ///< of the pieces, those that somebody waits for
  Counts counts_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace ringfence::core

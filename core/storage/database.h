// Database files: opening, versioned schemas, transactions. Stores say what is in them (rows.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace soci {
class session;
}

namespace ringfence::core {

/// Schema names one database file: who writes it, and its numbered migrations.
enum class Schema { admin, capf, callmanager, tftp, tvs, secrets };

enum class Access { read_write, read_only };

/// Change names a state of a database: another one after each commit, whoever committed.
struct Change {
  std::uint64_t opening = 0;  ///< which Database said it
  std::int64_t others = 0;    ///< commits of other connections
  std::uint64_t own = 0;      ///< commits of its own
  bool operator==(const Change&) const = default;
};

/// Database is one open file. What was committed is on the disk; readers never wait for a writer,
/// and a writer up to 5 s for another one.
///
/// Opening read-write creates a missing file (0600 from the first byte; it appears whole, with its
/// tables) and applies the schema's missing migrations in one transaction each. Throws Error, each
/// naming the file: `malformed` when it is damaged, empty, or not of this
/// schema; it is never written over; `refused` when it is of a newer version than ours. Opening
/// read-only waits for nothing: a missing file is Error{not_found}, one of an older version
/// Error{refused}. The folder must exist.
///
/// Safe from several threads: the session is reached only through `read`, `write`, a Lease, a
/// Transaction or a Prepared, which hold its mutex. Never use it on both sides of a fork.
class Database {
 public:
  Database(const std::filesystem::path& path, Schema schema, Access access);

  /// Opens the file of `writer`, which has checked it, once more and read-only: its reads wait
  /// for none of the writer's transactions, and see each commit from its return on.
  struct Beside {
    const Database& writer;
  };

  explicit Database(Beside beside);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  /// Lease gives the session to one thread; keep it for one short piece of work.
  class Lease {
   public:
    explicit Lease(Database& database);

    soci::session& operator*() noexcept { return session_; }

    soci::session* operator->() noexcept { return &session_; }

   private:
    std::unique_lock<std::recursive_mutex> lock_;
    soci::session& session_;
  };

  /// Snapshot is what the file holds at its first select, until its end: commits of other
  /// connections do not show in between. Inside a Transaction or another Snapshot it is that one.
  class Snapshot {
   public:
    explicit Snapshot(Database& database);
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    ~Snapshot();

    soci::session& operator*() noexcept { return *lease_; }

   private:
    Database& database_;
    Lease lease_;
    bool own_;
  };

  /// Transaction is BEGIN IMMEDIATE … COMMIT; rolled back unless `commit` was called.
  ///
  /// One begun while the same thread holds another is a savepoint of that one: it can be rolled
  /// back alone, and is on disk when the outer one commits. Not inside `read`: Error{internal}.
  ///
  /// When `commit` throws, nothing of it shows any more; but the disk may hold it, and a crash or a
  /// power cut may bring it back. Whoever is about to undo by hand what the rows would have named
  /// (destroy a key) calls `settle` first, and looks again.
  class Transaction {
   public:
    explicit Transaction(Database& database);
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();

    soci::session& operator*() noexcept { return *lease_; }

    soci::session* operator->() noexcept { return &*lease_; }

    void commit();

   private:
    Database& database_;
    Lease lease_;
    int depth_;
    bool open_ = true;
  };

  /// Prepared is one use of a statement that the database keeps prepared (rows.h).
  class Prepared;

  /// read runs `work(soci::session&)` in one Snapshot, that is one read transaction, and returns
  /// what it returns; what SOCI throws becomes Error: `conflict` (a constraint or a unique key),
  /// `malformed` (damage), `refused` (opened read-only), else `io`; without a value of a row.
  /// `work` must not write.
  template <typename Work>
  auto read(const Work& work) {
    return run(work, [this](const Piece& piece) { run_read(piece); });
  }

  /// write does the same in a transaction, committed and on disk when it returns.
  template <typename Work>
  auto write(const Work& work) {
    return run(work, [this](const Piece& piece) { run_write(piece); });
  }

  /// settle returns when what `read` shows is what stays, whatever the power does: at once, unless
  /// the last COMMIT failed in a way that may have left it on the disk; then after a write that
  /// makes it void. Throws Error{io} while that cannot be done: then the rows of that COMMIT may be
  /// there after the next start, or not, and nothing that they name may be destroyed.
  void settle();

  const std::filesystem::path& path() const noexcept { return path_; }

  /// after_commit runs `work` once the transaction that this thread is in is on the disk, or at
  /// once when it is in none; never when that, or the inner one that it is in, is rolled back. What
  /// it throws is logged: the transaction stands.
  void after_commit(std::function<void()> work);

  /// wipe_free_space writes the file anew, so that nothing of what was deleted or replaced is left
  /// in it or in its log; false when another connection holds on to the log. Not in a transaction.
  bool wipe_free_space();

  /// change tells which state the file is in: cheap, and told before rows are read it is that of
  /// the rows or an earlier one. See ChangeSignal and Cached.
  Change change();

 private:
  friend class WriteGroup;
  struct Kept;  ///< the statements, by text
  using Piece = std::function<void(soci::session&)>;

  template <typename Work, typename Run>
  static auto run(const Work& work, const Run& in_transaction) {
    using Result = std::invoke_result_t<const Work&, soci::session&>;
    if constexpr (std::is_void_v<Result>) {
      in_transaction([&work](soci::session& sql) { work(sql); });
    } else {
      std::optional<Result> result;
      in_transaction([&](soci::session& sql) { result.emplace(work(sql)); });
      return std::move(*result);
    }
  }

  void run_read(const Piece& piece);
  void run_write(const Piece& piece);
  /// fail_as_error calls `work` and makes Error of what SOCI throws.
  void fail_as_error(const std::function<void()>& work) const;

  std::filesystem::path path_;
  std::recursive_mutex mutex_;
  std::unique_ptr<soci::session> session_;
  std::unique_ptr<Kept> kept_;  // guarded by mutex_, as is what follows
  int depth_ = 0;               // of transactions
  bool reading_ = false;        // in a Snapshot
  bool unsettled_ = false;      // see settle()
  std::vector<std::pair<int, std::function<void()>>> after_;  // with the depth it was said at
  Change change_;
};

}  // namespace ringfence::core

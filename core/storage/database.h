// SQLite files through SOCI: opening, versioned schemas, transactions.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

#include <soci/soci.h>

namespace ringfence::core {

/// Schema names one database file: who writes it, and its numbered migrations.
enum class Schema { admin, capf, callmanager, tftp, tvs };

enum class Access { read_write, read_only };

/// Database is one open SQLite file: WAL mode, foreign keys on, synchronous=FULL, waits up to 5 s
/// for a lock.
///
/// Opening read-write creates a missing file (0600 from the first byte; it appears whole, with its
/// tables) and applies the schema's missing migrations in one transaction each. Throws Error, each
/// naming the file: `malformed` when it is damaged (PRAGMA quick_check), empty, or not of this
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

  /// Prepared is one use of a statement that the database keeps prepared from then on: several
  /// times as cheap as a statement of its own. At its end the statement forgets what was bound.
  /// Only inside `read`, `write` or a Transaction; not twice at once with the same text.
  class Prepared {
   public:
    Prepared(Database& database, std::string_view sql);
    Prepared(const Prepared&) = delete;
    Prepared& operator=(const Prepared&) = delete;
    ~Prepared();

    /// use and into bind the next parameter and the next column; `value` must live until the end.
    template <typename Value>
    Prepared& use(const Value& value) {
      statement_.exchange(soci::use(value));
      return *this;
    }

    template <typename Value>
    Prepared& into(Value& value) {
      statement_.exchange(soci::into(value));
      return *this;
    }

    template <typename Value>
    Prepared& into(Value& value, soci::indicator& state) {
      statement_.exchange(soci::into(value, state));
      return *this;
    }

    /// execute runs the statement, once; it and `fetch` tell whether they brought a row.
    bool execute();
    bool fetch();
    long long changed();  ///< how many rows the statement changed

   private:
    Lease lease_;
    soci::statement& statement_;
  };

  /// read runs `work(soci::session&)` in one Snapshot and returns what it returns; what SOCI throws
  /// becomes Error. `work` must not write.
  template <typename Work>
  auto read(const Work& work) {
    try {
      Snapshot snapshot(*this);
      return work(*snapshot);
    } catch (const soci::soci_error& error) {
      fail(error);
    }
  }

  /// write does the same in a transaction, committed and on disk when it returns.
  template <typename Work>
  auto write(const Work& work) {
    try {
      Transaction transaction(*this);
      if constexpr (std::is_void_v<decltype(work(*transaction))>) {
        work(*transaction);
        transaction.commit();
      } else {
        auto result = work(*transaction);
        transaction.commit();
        return result;
      }
    } catch (const soci::soci_error& error) {
      fail(error);
    }
  }

  /// settle returns when what `read` shows is what stays, whatever the power does: at once, unless
  /// the last COMMIT failed in a way that may have left it on the disk; then after a write that
  /// makes it void. Throws Error{io} while that cannot be done: then the rows of that COMMIT may be
  /// there after the next start, or not, and nothing that they name may be destroyed.
  void settle();

  /// fail throws what `error` means for this file: `conflict` (a constraint or a unique key),
  /// `malformed` (damage), `refused` (opened read-only), else `io`. Never shows a value of a row.
  [[noreturn]] void fail(const soci::soci_error& error) const;

  const std::filesystem::path& path() const noexcept { return path_; }

  /// data_version changes whenever another connection committed to the file (PRAGMA
  /// data_version): compare with an earlier value to know whether to read again. Cheap.
  long long data_version();

 private:
  soci::statement& kept(std::string_view sql);

  std::filesystem::path path_;
  std::recursive_mutex mutex_;
  std::unique_ptr<soci::session> session_;
  std::unordered_map<std::string, soci::statement> kept_;  // by text; guarded by mutex_
  int depth_ = 0;                                          // of transactions; guarded by mutex_
  bool reading_ = false;                                   // in a Snapshot; guarded by mutex_
  bool unsettled_ = false;                                 // see settle(); guarded by mutex_
};

}  // namespace ringfence::core

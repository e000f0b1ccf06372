// SQLite files through SOCI: opening, versioned schemas, transactions.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include <soci/soci.h>

namespace ringfence::core {

/// Schema names one database file: who writes it, and its numbered migrations.
enum class Schema { admin, capf, callmanager, tftp };

enum class Access { read_write, read_only };

/// Database is one open SQLite file, WAL mode, foreign keys on, synchronous=FULL.
///
/// Opening read-write creates the file (0600) and applies the schema's missing migrations in one
/// transaction each; a file of a newer version than ours is Error{refused}, a corrupt one (checked
/// by PRAGMA quick_check) Error{malformed}, both naming the file. Opening read-only waits for
/// nothing: a missing file is Error{not_found}. Safe from several threads: `session` is reached
/// only through a Lease or a Transaction, which hold its mutex.
class Database {
 public:
  Database(const std::filesystem::path& path, Schema schema, Access access);
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

  /// Transaction is BEGIN IMMEDIATE … COMMIT; rolled back unless `commit` was called.
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
    Lease lease_;
    bool open_ = true;
  };

  const std::filesystem::path& path() const noexcept { return path_; }

  /// data_version changes whenever another connection committed to the file (PRAGMA
  /// data_version): compare with an earlier value to know whether to read again. Cheap.
  long long data_version();

 private:
  std::filesystem::path path_;
  std::recursive_mutex mutex_;
  std::unique_ptr<soci::session> session_;
};

}  // namespace ringfence::core

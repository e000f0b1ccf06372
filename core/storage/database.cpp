// The one place that knows which database is behind SOCI.
#include "core/storage/database.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <unordered_map>

#include <fmt/format.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/storage/rows.h"
#include "core/storage/schema.h"

namespace ringfence::core {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void damaged(const fs::path& path, std::string_view why) {
  throw Error(Code::malformed,
              fmt::format("{}: the database is damaged ({}); move it away and restore it, with its "
                          "-wal file, from a backup",
                          path.string(), why));
}

[[noreturn]] void translate(const fs::path& path, const soci::soci_error& error) {
  // Not error.what(): that shows the statement's values, which may be secret.
  const std::string message = path.string() + ": " + error.get_error_message();
  const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
  switch (sqlite == nullptr ? SQLITE_ERROR : sqlite->result() & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: damaged(path, error.get_error_message());
    case SQLITE_CONSTRAINT: throw Error(Code::conflict, message);
    case SQLITE_READONLY: throw Error(Code::refused, message);
    default: throw Error(Code::io, message);
  }
}

/// may_have_been_kept says of a COMMIT that failed whether its rows can be in the file all the
/// same. SQLite drops them, but the log may hold them whole, and whoever opens the file after a
/// crash or a power cut takes them from there.
bool may_have_been_kept(const soci::soci_error& error) {
  const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
  switch (sqlite == nullptr ? SQLITE_ERROR : sqlite->result() & 0xff) {
    case SQLITE_BUSY:        // still open; it is rolled back
    case SQLITE_CONSTRAINT:  // likewise
      return false;
    default: return true;
  }
}

/// open_session opens `path` in the mode asked and sets what is said per connection.
std::unique_ptr<soci::session> open_session(const fs::path& path, Access access) {
  const std::string parameters = fmt::format("dbname=\"{}\" timeout=5{}", path.string(),
                                             access == Access::read_only ? " readonly=true" : "");
  auto session = std::make_unique<soci::session>(soci::sqlite3, parameters);
  *session << "pragma foreign_keys = on";
  *session << "pragma synchronous = full";
  // 32 MB, taken as needed: the indexes of a hundred thousand phones stay at hand.
  *session << "pragma cache_size = -32768";
  return session;
}

void remove_with_companions(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) ::unlink((path + suffix).c_str());
}

/// create makes the whole file beside `path` and links it into place, so that an empty or half
/// made file there is always damage. A file that another process made meanwhile stays.
void create(const fs::path& path, Schema schema) {
  std::string temporary = path.string() + ".XXXXXX";
  const Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));  // 0600; -wal and -shm take its mode
  if (!fd)
    throw Error(Code::io, fmt::format("{}: cannot create the database: {}", path.string(),
                                      std::strerror(errno)));
  try {
    {
      const auto session = open_session(temporary, Access::read_write);
      std::string mode;
      *session << "pragma journal_mode = wal", soci::into(mode);
      *session << fmt::format("pragma application_id = {}", application_id(schema));
      migrate(*session, migrations(schema));
    }  // closing writes the log back into the file
    if (::link(temporary.c_str(), path.c_str()) != 0 && errno != EEXIST)
      throw Error(Code::io, fmt::format("{}: cannot create the database: {}", path.string(),
                                        std::strerror(errno)));
  } catch (const soci::soci_error& error) {
    remove_with_companions(temporary);
    translate(path, error);
  } catch (...) {
    remove_with_companions(temporary);
    throw;
  }
  remove_with_companions(temporary);
  sync_folder(folder_of(path));
}

/// check refuses a file that is damaged, not ours, or of a version we cannot use.
void check(soci::session& session, const fs::path& path, Schema schema, Access access) {
  std::string verdict;
  session << "pragma quick_check(1)", soci::into(verdict);
  if (verdict != "ok") damaged(path, verdict);
  int application = 0;
  session << "pragma application_id", soci::into(application);
  if (application != application_id(schema))
    throw Error(Code::malformed,
                fmt::format("{}: not the {} database of Ringfence", path.string(), name(schema)));
  const int version = schema_version(session);
  const int ours = static_cast<int>(migrations(schema).size());
  if (version > ours)
    throw Error(Code::refused,
                fmt::format("{}: schema version {} is newer than this program's {}; run the newer "
                            "program, or restore a backup of that time",
                            path.string(), version, ours));
  if (version < ours && access == Access::read_only)
    throw Error(Code::refused,
                fmt::format("{}: schema version {} is older than this program's {}; start the "
                            "daemon that writes it first",
                            path.string(), version, ours));
}

/// next_opening numbers the Databases of this process.
std::uint64_t next_opening() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

}  // namespace

struct Database::Kept {
  std::unordered_map<std::string, soci::statement> by_text;
};

Database::Database(const fs::path& path, Schema schema, Access access)
    : path_(path), kept_(std::make_unique<Kept>()), change_{next_opening(), 0, 0} {
  // Only stat here: closing a descriptor of an open SQLite file drops this process's locks on it.
  struct stat status {};

  if (::lstat(path.c_str(), &status) != 0) {
    if (errno != ENOENT)
      throw Error(Code::io, fmt::format("{}: {}", path.string(), std::strerror(errno)));
    if (access == Access::read_only)
      throw Error(Code::not_found, fmt::format("{}: no such database", path.string()));
    create(path, schema);
  } else if (!S_ISREG(status.st_mode)) {
    throw Error(Code::malformed, fmt::format("{}: {}", path.string(),
                                             S_ISLNK(status.st_mode)
                                                 ? "a symbolic link; put the database itself there"
                                                 : "not a file"));
  } else if (status.st_size == 0) {
    damaged(path, "the file is empty");
  }
  try {
    session_ = open_session(path, access);
    check(*session_, path, schema, access);
    // What is taken away is not left in the file.
    if (schema == Schema::secrets) *session_ << "pragma secure_delete = on";
    if (access == Access::read_write) {
      std::string mode;
      *session_ << "pragma journal_mode = wal", soci::into(mode);
      migrate(*session_, migrations(schema));
    }
  } catch (const soci::soci_error& error) {
    translate(path, error);
  }
}

Database::Database(Beside beside)
    : path_(beside.writer.path_), kept_(std::make_unique<Kept>()), change_{next_opening(), 0, 0} {
  try {
    session_ = open_session(path_, Access::read_only);
  } catch (const soci::soci_error& error) {
    translate(path_, error);
  }
}

Database::~Database() = default;

Database::Lease::Lease(Database& database) : lock_(database.mutex_), session_(*database.session_) {}

Database::Snapshot::Snapshot(Database& database)
    : database_(database), lease_(database), own_(database.depth_ == 0 && !database.reading_) {
  if (!own_) return;
  Prepared(database_, "begin deferred").execute();
  database_.reading_ = true;
}

Database::Snapshot::~Snapshot() {
  if (!own_) return;
  database_.reading_ = false;
  try {
    Prepared(database_, "rollback").execute();
  } catch (const std::exception&) {  // SQLite ends it by itself when the disk fails
  }
}

Database::Transaction::Transaction(Database& database)
    : database_(database), lease_(database), depth_(database.depth_) {
  if (database_.reading_)
    throw Error(Code::internal, database_.path_.string() + ": a write inside a read");
  try {
    Prepared(database_, depth_ == 0 ? "begin immediate" : fmt::format("savepoint inner_{}", depth_))
        .execute();
  } catch (const soci::soci_error& error) {
    translate(database.path_, error);
  }
  ++database.depth_;
}

Database::Transaction::~Transaction() {
  if (!open_) return;
  --database_.depth_;
  std::erase_if(database_.after_, [this](const auto& one) { return one.first > depth_; });
  try {
    if (depth_ == 0) {
      Prepared(database_, "rollback").execute();
    } else {
      Prepared(database_, fmt::format("rollback to inner_{}", depth_)).execute();
      Prepared(database_, fmt::format("release inner_{}", depth_)).execute();
    }
  } catch (const std::exception&) {  // SQLite rolls back by itself when the disk fails
  }
}

void Database::Transaction::commit() {
  try {
    Prepared(database_, depth_ == 0 ? "commit" : fmt::format("release inner_{}", depth_)).execute();
  } catch (const soci::soci_error& error) {
    if (depth_ == 0 && may_have_been_kept(error)) database_.unsettled_ = true;
    translate(database_.path_, error);
  }
  if (depth_ == 0) {
    database_.unsettled_ = false;
    ++database_.change_.own;
  }
  open_ = false;
  --database_.depth_;
  for (auto& [depth, work] : database_.after_) depth = std::min(depth, depth_);
  if (depth_ > 0) return;
  for (const auto& [depth, work] : std::exchange(database_.after_, {})) {
    try {
      work();
    } catch (const std::exception& error) {
      log(Level::error, "AFTER_COMMIT_FAILED", {{"why", error.what()}});
    }
  }
}

void Database::settle() {
  const Lease lease(*this);
  if (!unsettled_) return;
  write([this](soci::session& sql) {
    // Changes nothing, but is written: over the lost commit in the log, whose remains no longer
    // match the checksums before them.
    sql << fmt::format("pragma user_version = {}", schema_version(sql));
  });
}

soci::statement& Database::Prepared::kept(Database& database, std::string_view sql) {
  auto& statements = database.kept_->by_text;
  const std::string text(sql);
  const auto at = statements.find(text);
  if (at != statements.end()) return at->second;
  soci::statement statement(*database.session_);
  statement.alloc();
  statement.prepare(text);
  return statements.emplace(text, std::move(statement)).first->second;
}

Database::Prepared::Prepared(Database& database, std::string_view sql)
    : lease_(database), statement_(kept(database, sql)) {}

Database::Prepared::~Prepared() {
  statement_.bind_clean_up();
  // Else a select that was not read to its end would keep its view of the file for ever. What it
  // returns is the error of the last step, which was thrown.
  sqlite_api::sqlite3_reset(
      static_cast<soci::sqlite3_statement_backend*>(statement_.get_backend())->stmt_);
}

bool Database::Prepared::execute() {
  statement_.define_and_bind();
  return statement_.execute(true);
}

bool Database::Prepared::fetch() {
  return statement_.fetch();
}

long long Database::Prepared::changed() {
  return statement_.get_affected_rows();
}

void Database::fail_as_error(const std::function<void()>& work) const {
  try {
    work();
  } catch (const soci::soci_error& error) {
    translate(path_, error);
  }
}

void Database::run_read(const Piece& piece) {
  fail_as_error([&] {
    Snapshot snapshot(*this);
    piece(*snapshot);
  });
}

void Database::run_write(const Piece& piece) {
  fail_as_error([&] {
    Transaction transaction(*this);
    piece(*transaction);
    transaction.commit();
  });
}

void Database::after_commit(std::function<void()> work) {
  const Lease lease(*this);
  if (depth_ == 0)
    work();
  else
    after_.emplace_back(depth_, std::move(work));
}

bool Database::wipe_free_space() {
  const Lease lease(*this);
  int busy = 1;
  fail_as_error([&] {
    *session_ << "vacuum";
    int pages = 0;
    int copied = 0;
    *session_ << "pragma wal_checkpoint(truncate)", soci::into(busy), soci::into(pages),
        soci::into(copied);
  });
  return busy == 0;
}

Change Database::change() {
  const Lease lease(*this);
  fail_as_error([this] { Prepared(*this, "pragma data_version").into(change_.others).execute(); });
  return change_;
}

}  // namespace ringfence::core

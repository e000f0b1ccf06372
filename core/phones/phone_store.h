// The phones of admin.db: written by ringfence-admin, read by every daemon.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/phones/phone.h"
#include "core/phones/phone_secrets.h"
#include "core/storage/database.h"

namespace ringfence::core {

struct PhoneRow;

/// PhoneStore reads and writes phones. Safe from several threads. Errors: `io`, `malformed` (a row
/// that cannot be, by name).
class PhoneStore {
 public:
  /// `database` is admin.db and must outlive the store; the reading calls work read-only too.
  /// Without secrets.db phones come without their authentication strings, and keep those that they
  /// have when they are saved; one that brings a string is Error{internal}.
  explicit PhoneStore(Database& database) : database_(database) {}

  /// `secrets` is secrets.db, and must outlive the store, too. A string that is not in it is "".
  PhoneStore(Database& database, Database& secrets) : database_(database), secrets_(secrets) {}

  std::optional<Phone> find(std::string_view name) const;
  std::vector<Phone> list() const;  ///< by name
  /// page returns the first `count` phones whose names come after `after`, by name.
  std::vector<Phone> page(const std::string& after, std::size_t count) const;
  std::size_t count() const;

  /// names returns the names that begin with `prefix`, upper or lower case, in order: all of them,
  /// or of more than `limit` (at least 2) the first ones and the very last.
  struct Names {
    std::int64_t matched = 0;  ///< how many there are
    std::vector<std::string> names;
  };

  Names names(const std::string& prefix, std::int64_t limit) const;
  bool has(std::string_view name) const;
  /// stamps returns each phone's config stamp by name: cheap enough to read at each change, and no
  /// authentication string comes into memory.
  std::unordered_map<std::string, std::string> stamps() const;

  /// save inserts or updates all of `phones` in one transaction; each is checked by check_phone
  /// first. A phone that asks for an operation gets the instance's next request number when its
  /// CAPF fields differ from what is stored, when its `capf.request` is 0, or with `Ask::again`;
  /// otherwise it keeps the stored number. One whose record changed gets a new config stamp; what
  /// the caller put into `config_stamp` and `profile_mode` does not count. With `Ask::never` nobody
  /// gets a new number: for records whose operation is over. Returns the request number of each.
  /// Error{not_found} for a security profile that does not exist.
  enum class Ask { changed_only, again, never };
  std::vector<std::int64_t> save(const std::vector<Phone>& phones, Ask ask);

  /// remove deletes a phone; false when there was none. What capf.db knows of it stays.
  bool remove(std::string_view name);

 private:
  struct Changed;

  std::vector<Phone> with_strings(const std::vector<PhoneRow>& rows) const;
  Changed change_of(const Phone& phone, Ask ask, std::int64_t& last_request);
  void write_down(std::vector<Changed> changed);
  void insert(const PhoneRow& row);
  void forget_after_commit(std::vector<std::string> ids);

  Database& database_;
  std::optional<PhoneSecrets> secrets_;
};

}  // namespace ringfence::core

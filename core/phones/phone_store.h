// The phones of admin.db: written by ringfence-admin, read by every daemon.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/phones/phone.h"
#include "core/storage/database.h"

namespace ringfence::core {

/// PhoneStore reads and writes phones. Safe from several threads. Errors: `io`, `malformed` (a row
/// that cannot be, by name).
class PhoneStore {
 public:
  /// `database` is admin.db and must outlive the store; the reading calls work read-only too.
  explicit PhoneStore(Database& database) : database_(database) {}

  std::optional<Phone> find(std::string_view name) const;
  std::vector<Phone> list() const;  ///< by name
  std::size_t count() const;

  /// save inserts or updates all of `phones` in one transaction. A phone whose asked operation
  /// differs from what is stored, or is asked again by `ask_again`, gets the next request number;
  /// one whose record changed gets a new config stamp. Each is checked by check_phone first.
  enum class Ask { changed_only, again };
  void save(const std::vector<Phone>& phones, Ask ask);

  /// remove deletes a phone; false when there was none. What capf.db knows of it stays.
  bool remove(std::string_view name);

 private:
  Database& database_;
};

}  // namespace ringfence::core

// The authentication strings of phones. secrets.db: written by ringfence-admin, read by it and by
// ringfence-capf, and by nobody else.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/storage/database.h"

namespace ringfence::core {

/// PhoneSecrets keeps each authentication string under an id that no other one ever gets; a phone's
/// record in admin.db names the id, and no string.
///
/// A string is written before the record that names it, and taken away after the record names
/// another: whenever either is cut short, the record stands with its own string, and what nobody
/// names is taken away by `keep_only` at the next start. Safe from several threads. Errors: `io`.
class PhoneSecrets {
 public:
  /// `secrets` is secrets.db and must outlive it; the reading calls work read-only too.
  explicit PhoneSecrets(Database& secrets) : secrets_(secrets) {}

  std::optional<std::string> find(const std::string& id) const;
  std::unordered_map<std::string, std::string> all() const;  ///< by id

  /// put keeps strings, each with the name of its phone, and returns their ids, in order.
  std::vector<std::string> put(const std::vector<std::pair<std::string, std::string>>& strings);
  void forget(const std::vector<std::string>& ids);
  void keep_only(const std::unordered_set<std::string>& ids);

 private:
  Database& secrets_;
};

}  // namespace ringfence::core

// What jobs keep of phones' secrets until they are over. secrets.db, written by ringfence-admin.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/storage/database.h"

namespace ringfence::core {

/// JobSecrets keeps, by job and phone, the authentication string that the phone gets when its turn
/// comes, and how its settings were before. It is written before the rows of admin.db that count on
/// it, and forgotten after them. Safe from several threads. Errors: `io`.
class JobSecrets {
 public:
  explicit JobSecrets(Database& secrets) : secrets_(secrets) {}

  using ByPhone = std::map<std::string, std::string>;

  void keep_strings(std::int64_t job, const ByPhone& strings);
  void keep_before(std::int64_t job, const ByPhone& settings);
  std::string string_of(std::int64_t job, const std::string& phone) const;  ///< "" for none
  std::string before(std::int64_t job, const std::string& phone) const;     ///< "" for nothing
  void forget_strings(std::int64_t job, const std::vector<std::string>& phones);
  void forget(std::int64_t job);
  void keep_only(const std::set<std::int64_t>& jobs);

 private:
  void keep(std::int64_t job, const ByPhone& values, const char* column);
  std::string value_of(std::int64_t job, const std::string& phone, const char* column) const;

  Database& secrets_;
};

}  // namespace ringfence::core

// Administrators and their privilege levels. admin.db, written by ringfence-admin.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/storage/database.h"

namespace ringfence::core {

/// Account is one administrator. Who they are is proved elsewhere (SSH, the peer of a socket).
struct Account {
  std::string name;
  int level = 0;  ///< CUCM's privilege level: 0 looks, 1 is ordinary, 4 may do everything
};

/// AccountStore keeps them. Safe from several threads. Errors: `io`, `malformed` (an empty name,
/// another level).
class AccountStore {
 public:
  explicit AccountStore(Database& database) : database_(database) {}

  std::optional<Account> find(std::string_view name) const;
  std::vector<Account> list() const;  ///< by name
  void save(const Account& account);  ///< insert or update

 private:
  Database& database_;
};

}  // namespace ringfence::core

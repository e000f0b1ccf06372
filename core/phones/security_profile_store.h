// Phone security profiles: what CAPF settings a group of phones must have. admin.db.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/phones/phone.h"
#include "core/storage/database.h"

namespace ringfence::core {

/// SecurityProfile fixes how its phones prove themselves to CAPF, and their keys.
struct SecurityProfile {
  std::string name;  ///< 1 to 50 characters
  AuthMode auth_mode = AuthMode::null_string;
  KeyOrder key_order = KeyOrder::rsa_only;
  int rsa_bits = 2048;
  int ec_bits = 384;

  bool operator==(const SecurityProfile&) const = default;
};

/// mode_mismatch says that the two authentication modes differ, which keeps an operation from
/// completing, and how to mend it; nothing when they are the same.
std::optional<std::string> mode_mismatch(const SecurityProfile& profile, AuthMode mode);

/// SecurityProfileStore keeps them. Safe from several threads. Errors: `io`, `malformed`.
class SecurityProfileStore {
 public:
  /// `database` is admin.db and must outlive the store; the reading calls work read-only too.
  explicit SecurityProfileStore(Database& database) : database_(database) {}

  std::optional<SecurityProfile> find(std::string_view name) const;
  std::vector<SecurityProfile> list() const;  ///< by name

  /// save inserts or replaces; Error{malformed} names the value that cannot be. Phones keep their
  /// own settings; with another mode they get a new config stamp.
  void save(const SecurityProfile& profile);

  /// remove deletes a profile: Error{not_found}, or Error{conflict} while phones name it.
  void remove(std::string_view name);

 private:
  Database& database_;
};

}  // namespace ringfence::core

// The pending requests of this node's units in admin.db, their keys waiting in the token.
#pragma once

#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/certificates/unit.h"
#include "core/storage/database.h"

namespace ringfence::core {

/// PendingRequest is a CSR that a third party may sign; at most one a unit.
struct PendingRequest {
  Unit unit = Unit::capf;
  Bytes der;   ///< PKCS#10
  KeyRef key;  ///< a version of the unit's key that no certificate uses yet
  Time created;
};

/// CsrStore keeps them. Safe from several threads. Errors: `io`, `malformed`.
class CsrStore {
 public:
  /// `database` is admin.db; the reading calls work read-only too.
  explicit CsrStore(Database& database) : database_(database) {}

  std::optional<PendingRequest> find(Unit unit) const;
  std::vector<PendingRequest> all() const;  ///< in the order of kUnits

  /// save puts the request in the place of the unit's earlier one.
  void save(const PendingRequest& request);
  void remove(Unit unit);

 private:
  Database& database_;
};

}  // namespace ringfence::core

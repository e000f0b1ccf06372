// What capf.db knows of many phones at once: for reports, at a cost that grows with the phones.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/phones/enrolment_store.h"
#include "core/storage/database.h"

namespace ringfence::core {

/// CapfState is what capf.db knows of one phone. Certificates come without their `der`, the CSR
/// without its `spki`.
struct CapfState {
  std::optional<IssuedCertificate> held;       ///< the last confirmed one that was not deleted
  std::vector<IssuedCertificate> unconfirmed;  ///< and not cleared, the newest first
  std::optional<Outcome> last;                 ///< of the last request that had one
  std::optional<ShownLsc> shown;               ///< what it showed that is not on record
  std::optional<PendingCsr> csr;

  /// stale counts them as EnrolmentStore::stale does: what was issued and not confirmed, but for
  /// what may still be confirmed.
  std::size_t stale(Time now) const;
};

/// CapfInventory reads them by ranges of device names. Safe from several threads. Errors: `io`,
/// `malformed` (a row that cannot be).
class CapfInventory {
 public:
  /// `database` is capf.db, read-only or not, and must outlive it.
  explicit CapfInventory(Database& database) : database_(database) {}

  /// between returns what is known of the devices after `after`, up to and with `last`, by name. A
  /// device of which nothing is known has no entry.
  std::unordered_map<std::string, CapfState> between(const std::string& after,
                                                     const std::string& last) const;
  CapfState of(const std::string& device) const;

 private:
  Database& database_;
};

}  // namespace ringfence::core

// The audit log: append-only, each record carrying the hash of the one before. admin.db.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/storage/database.h"

namespace ringfence::core {

/// AuditRecord is one line: "…_INTENT" before an irreversible act, "…_DONE" or "…_FAILED" after.
struct AuditRecord {
  std::int64_t sequence = 0;
  Time at;
  std::string who;     ///< account or process
  std::string event;   ///< "CERTIFICATE_REGENERATE_INTENT"
  std::string detail;  ///< one JSON object; never a secret
  std::string hash;    ///< SHA-256 hex over the previous hash and this record's fields
};

/// AuditLog appends and checks. Safe from several threads. Errors: `io`.
///
/// Each record's hash is SHA-256 over the one before it (64 zeros before the first) and the
/// record's fields, each text behind its length: a row that is changed, inserted or taken out
/// breaks the chain there. Rows cut off at the end leave a shorter chain that is whole: keep the
/// last hash elsewhere to notice that. The database itself refuses UPDATE and DELETE.
class AuditLog {
 public:
  explicit AuditLog(Database& database) : database_(database) {}

  /// append writes one record; it is on disk when this returns.
  void append(Time at, const std::string& who, const std::string& event, const std::string& detail);
  std::vector<AuditRecord> last(std::size_t count) const;  ///< oldest first
  /// first_broken returns the sequence of the first record whose hash does not follow, or 0.
  std::int64_t first_broken() const;

 private:
  Database& database_;
};

}  // namespace ringfence::core

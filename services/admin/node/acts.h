// What the audit log says of acts, also of those that could not be written down when they happened.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "core/audit/audit_log.h"
#include "core/base/clock.h"

namespace ringfence::services::admin {

/// Acts writes audit records. Safe from several threads.
class Acts {
 public:
  /// Both must outlive it.
  Acts(core::AuditLog& log, const core::Clock& clock) : log_(log), clock_(clock) {}

  /// record writes one: `event` is "…_INTENT", "…_DONE" or "…_FAILED", `detail` one JSON object
  /// without secrets. Throws Error{io}.
  void record(const std::string& who, const std::string& event, const std::string& detail);

  /// record_done is record for what has happened already, which stays done when its record cannot
  /// be written: that is logged then, owed to the audit log, and the sentence that is returned says
  /// so; "" when it was written. At most 100 are owed, and they end with this process.
  std::string record_done(const std::string& who, const std::string& event,
                          const std::string& detail) noexcept;

  /// record_done whose complaint goes to `warnings`.
  void record_done(const std::string& who, const std::string& event, const std::string& detail,
                   std::vector<std::string>& warnings);

  /// write_owed writes what is owed, as far as it can be done now. Each change and each job's end
  /// begins with it. Not inside a transaction, which may be taken back.
  void write_owed() noexcept;

 private:
  /// Owed is an audit record that could not be written when it was due.
  struct Owed {
    core::Time at;
    std::string who;
    std::string event;
    std::string detail;
  };

  core::AuditLog& log_;
  const core::Clock& clock_;
  std::mutex mutex_;
  std::vector<Owed> owed_;  ///< oldest first; guarded by mutex_
};

}  // namespace ringfence::services::admin

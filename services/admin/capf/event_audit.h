// What CAPF saw of attacks, copied into the audit log.
#pragma once

#include <cstdint>
#include <mutex>

#include "core/storage/cached.h"
#include "services/admin/node/house.h"

namespace ringfence::services::admin {

/// EventAudit copies capf.db's security events, which nothing displaces there. How far it came is
/// the setting "capf.audited_security_event", written in one transaction with the records: nothing
/// is copied twice and nothing is left out, wherever a power cut falls. Safe from several threads.
class EventAudit {
 public:
  explicit EventAudit(House& house) : house_(house) {}

  /// copy brings the audit log up to date; cheap when nothing was written to capf.db. What fails is
  /// logged once, and tried again by the next call.
  void copy() noexcept;

 private:
  void copy_all();
  /// copy_some copies the next batch; false when there was none.
  bool copy_some(core::Database& capf);

  House& house_;
  std::mutex mutex_;
  core::ChangeSignal changes_;  ///< of capf.db; guarded by mutex_
  bool failing_ = false;        ///< guarded by mutex_
};

}  // namespace ringfence::services::admin

// What CAPF saw of attacks, copied into the audit log.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "core/storage/cached.h"

namespace ringfence::services::admin {

/// EventAudit copies capf.db's security events, which nothing displaces there. How far it came is
/// the setting "capf.audited_security_event", written in one transaction with the records: nothing
/// is copied twice and nothing is left out, wherever a power cut falls. Safe from several threads.
class EventAudit {
 public:
  /// Parts must outlive it.
  struct Parts {
    core::Database& admin;
    std::function<core::Database*()> capf;  ///< capf.db, null while it is not there
    /// record writes into the audit log: who, event, detail.
    std::function<void(const std::string&, const std::string&, const std::string&)> record;
  };

  explicit EventAudit(Parts parts) : parts_(std::move(parts)) {}

  /// copy brings the audit log up to date; cheap when nothing was written to capf.db. What fails is
  /// logged once, and tried again by the next call.
  void copy() noexcept;

 private:
  void copy_all();
  /// copy_some copies the next batch; false when there was none.
  bool copy_some(core::Database& capf);

  const Parts parts_;
  std::mutex mutex_;
  core::ChangeSignal changes_;  ///< of capf.db; guarded by mutex_
  bool failing_ = false;        ///< guarded by mutex_
};

}  // namespace ringfence::services::admin

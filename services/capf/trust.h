// CAPF-trust as it is in admin.db: whose certificates CAPF believes.
#pragma once

#include <memory>
#include <mutex>

#include "core/certificates/anchors.h"
#include "core/certificates/certificate_store.h"
#include "core/storage/database.h"

namespace ringfence::services::capf {

/// Trust reads CAPF-trust again when admin.db has changed. Safe from several threads.
class Trust {
 public:
  /// `admin` must outlive it; read-only will do.
  explicit Trust(core::Database& admin) : admin_(admin), certificates_(admin) {}

  /// anchors returns the entries as of now; one that cannot be read is left out, and a line says
  /// so. Blocks for SQLite. Throws Error as the database does.
  std::shared_ptr<const core::Anchors> anchors();

 private:
  std::shared_ptr<const core::Anchors> read() const;

  core::Database& admin_;
  const core::CertificateStore certificates_;
  std::mutex mutex_;  // for what follows
  long long version_ = -1;
  std::shared_ptr<const core::Anchors> anchors_;
};

}  // namespace ringfence::services::capf

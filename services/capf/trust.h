// CAPF-trust as it is in admin.db: whose certificates CAPF believes.
#pragma once

#include <memory>

#include "core/certificates/anchors.h"
#include "core/storage/cached.h"

namespace ringfence::services::capf {

/// Trust reads CAPF-trust again when admin.db has changed. Safe from several threads.
class Trust {
 public:
  /// `admin` must outlive it; read-only will do.
  explicit Trust(core::Database& admin);

  /// anchors returns the entries as of now; one that cannot be read is left out, and a line says
  /// so. Blocks for the disk. Throws Error as the database does.
  std::shared_ptr<const core::Anchors> anchors() { return anchors_.get(); }

 private:
  core::Cached<core::Anchors> anchors_;
};

}  // namespace ringfence::services::capf

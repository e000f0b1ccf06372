// LSCs that an offline CA signs, and stale ones: what admin does itself, and what it asks of CAPF.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/admin/offline_api.h"
#include "core/phones/enrolment_store.h"
#include "services/admin/node/house.h"

namespace ringfence::services::admin {

/// OfflineCa answers the methods offline.* and stale.*. Safe from several threads.
///
/// It reads capf.db and never writes it: imports, bulk issue and deletes are asked of
/// ringfence-capf in batches, and Error{io} says so when that does not run. Dumps and uploads live
/// here between two parts; one that nobody goes on with is forgotten after ten minutes.
class OfflineCa {
 public:
  /// `house` must outlive it.
  explicit OfflineCa(House& house);
  OfflineCa(const OfflineCa&) = delete;
  OfflineCa& operator=(const OfflineCa&) = delete;
  ~OfflineCa();

  core::admin::CsrCount count();
  core::admin::PhoneCsrList list();

  /// dump signs the next CSRs that wait for a certificate, on many threads, and packs them.
  core::admin::CsrDumpPart dump(const core::admin::CsrDumpRequest& request);

  core::admin::Uploaded upload(const core::admin::UploadRequest& request);

  /// import unpacks the next files of an upload and has each judged. The first call reads the whole
  /// archive: one that breaks a bound or is damaged is refused before anything is imported.
  core::admin::LscImportPart import(const core::admin::LscImportRequest& request,
                                    const std::string& who);

  core::admin::LscIssuePart issue(const core::admin::LscIssueRequest& request,
                                  const std::string& who);
  core::admin::CsrsDeleted remove(const core::admin::PhoneSelection& selection);

  core::admin::StaleLscList stale();
  core::admin::StaleCleared clear_stale(const core::admin::PhoneSelection& selection);

 private:
  struct Dump;
  struct Upload;

  std::vector<core::PendingCsr> csrs();

  House& house_;
  std::mutex mutex_;
  std::int64_t last_ = 0;                                    ///< guarded by mutex_
  std::map<std::int64_t, std::shared_ptr<Dump>> dumps_;      ///< guarded by mutex_
  std::map<std::int64_t, std::shared_ptr<Upload>> uploads_;  ///< guarded by mutex_
};

}  // namespace ringfence::services::admin

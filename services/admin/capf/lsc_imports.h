// Importing what an offline CA signed: archives that come in parts, judged by CAPF.
#pragma once

#include <functional>
#include <string>

#include <boost/json/array.hpp>

#include "core/admin/offline_api.h"
#include "core/config/config.h"
#include "services/admin/capf/transfers.h"

namespace ringfence::services::admin {

/// Record writes what has been done into the audit log: who, event, detail.
using Record = std::function<void(const std::string& who, const std::string& event,
                                  const std::string& detail)>;

/// devices_text is the detail of a record about LSCs.
std::string devices_text(const std::vector<core::admin::LscImport>& accepted, std::size_t refused);

/// LscImports answers offline.upload and offline.import. Safe from several threads.
class LscImports {
 public:
  /// `config` must outlive it.
  struct Parts {
    const core::Config& config;
    Record record;
  };

  explicit LscImports(Parts parts);
  LscImports(const LscImports&) = delete;
  LscImports& operator=(const LscImports&) = delete;
  ~LscImports();

  core::admin::Uploaded upload(const core::admin::UploadRequest& request);

  /// import unpacks the next files of an upload and has each judged. The first call reads the whole
  /// archive: one that breaks a bound or is damaged is refused before anything is imported.
  core::admin::LscImportPart import(const core::admin::LscImportRequest& request,
                                    const std::string& who);

 private:
  struct Upload;

  std::shared_ptr<Upload> begin();
  boost::json::array read_some(Upload& upload, core::admin::LscImportPart& part);

  const Parts parts_;
  Transfers<Upload> uploads_;
};

}  // namespace ringfence::services::admin

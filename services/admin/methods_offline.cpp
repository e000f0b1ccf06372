// The methods of offline CA and stale LSCs.
#include <memory>

#include "services/admin/methods_add.h"
#include "services/admin/offline.h"

namespace ringfence::services::admin {

using namespace core::admin;

void Methods::add_offline(const Parts& parts) {
  const auto offline = std::make_shared<OfflineCa>(parts.house);
  add<Nothing>("offline.count", 0, [offline](const Nothing&, Who) { return offline->count(); });
  add<Nothing>("offline.list", 0, [offline](const Nothing&, Who) { return offline->list(); });
  add<CsrDumpRequest>("offline.dump", 1, [this, offline](const CsrDumpRequest& request, Who) {
    require_token();
    return offline->dump(request);
  });
  add<UploadRequest>("offline.upload", 1, [offline](const UploadRequest& request, Who) {
    return offline->upload(request);
  });
  change<LscImportRequest>("offline.import", 1,
                           [offline](const LscImportRequest& request, Who who) {
                             return offline->import(request, who);
                           });
  change<LscIssueRequest>("offline.issue", 1,
                          [this, offline](const LscIssueRequest& request, Who who) {
                            require_token();
                            return offline->issue(request, who);
                          });
  change<PhoneSelection>("offline.remove", 1, [offline](const PhoneSelection& selection, Who) {
    return offline->remove(selection);
  });
  add<Nothing>("stale.list", 0, [offline](const Nothing&, Who) { return offline->stale(); });
  change<PhoneSelection>("stale.clear", 1, [offline](const PhoneSelection& selection, Who) {
    return offline->clear_stale(selection);
  });
}

}  // namespace ringfence::services::admin

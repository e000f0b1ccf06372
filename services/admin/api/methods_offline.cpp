// The methods of offline CA and stale LSCs.
#include <memory>

#include "services/admin/api/methods_add.h"
#include "services/admin/capf/offline.h"

namespace ringfence::services::admin {

using namespace core::admin;

void Methods::add_offline() {
  const auto offline = std::make_shared<OfflineCa>(parts_.house);
  on(method::offline_count, [offline](const Nothing&, Who) { return offline->count(); });
  on(method::offline_list, [offline](const Nothing&, Who) { return offline->list(); });
  on(method::offline_dump, [this, offline](const CsrDumpRequest& request, Who) {
    require_token();
    return offline->dump(request);
  });
  on(method::offline_upload,
     [offline](const UploadRequest& request, Who) { return offline->upload(request); });
  on(method::offline_import, [offline](const LscImportRequest& request, Who who) {
    return offline->import(request, who.user);
  });
  on(method::offline_issue, [this, offline](const LscIssueRequest& request, Who who) {
    require_token();
    return offline->issue(request, who.user);
  });
  on(method::offline_remove,
     [offline](const PhoneSelection& selection, Who) { return offline->remove(selection); });
  on(method::stale_list, [offline](const Nothing&, Who) { return offline->stale(); });
  on(method::stale_clear,
     [offline](const PhoneSelection& selection, Who) { return offline->clear_stale(selection); });
}

}  // namespace ringfence::services::admin

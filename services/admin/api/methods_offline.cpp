// The methods of offline CA and stale LSCs.
#include <memory>

#include "services/admin/api/methods_add.h"
#include "services/admin/capf/csr_dumps.h"
#include "services/admin/capf/lsc_imports.h"
#include "services/admin/capf/offline.h"

namespace ringfence::services::admin {

using namespace core::admin;

void Methods::add_offline() {
  House& house = parts_.house;
  const Record record = [&house](const std::string& who, const std::string& event,
                                 const std::string& detail) {
    house.acts.record_done(who, event, detail);
  };
  const auto capf = [&house] { return house.neighbours.capf(); };
  const auto offline =
      std::make_shared<OfflineCa>(OfflineCa::Parts{house.config, house.clock, capf, record});
  const auto dumps = std::make_shared<CsrDumps>(
      CsrDumps::Parts{house.certificates, house.token, [offline] { return offline->csrs(); }});
  const auto imports = std::make_shared<LscImports>(LscImports::Parts{house.config, record});
  on(method::offline_count, [offline](const Nothing&, Who) { return offline->count(); });
  on(method::offline_list, [offline](const Nothing&, Who) { return offline->list(); });
  on(method::offline_dump, [this, dumps](const CsrDumpRequest& request, Who) {
    require_token();
    return dumps->dump(request);
  });
  on(method::offline_upload,
     [imports](const UploadRequest& request, Who) { return imports->upload(request); });
  on(method::offline_import, [imports](const LscImportRequest& request, Who who) {
    return imports->import(request, who.user);
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

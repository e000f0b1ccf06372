// The methods of CSRs and imports of this node's certificates.
#include <memory>

#include "services/admin/certificate_import.h"
#include "services/admin/csr.h"
#include "services/admin/methods_add.h"

namespace ringfence::services::admin {

using namespace core::admin;

void Methods::add_csr(const Parts& parts) {
  TrustKeeper& keeper = parts.keeper;
  change<CsrGenerateRequest>("csr.generate", 1,
                             [this, &keeper](const CsrGenerateRequest& request, Who who) {
                               require_token();
                               return generate_csr(house_, keeper, request.unit, who);
                             });
  add<Nothing>("csr.list", 1, [this](const Nothing&, Who) { return list_csrs(house_); });
  add<CsrShowRequest>("csr.show", 1, [this](const CsrShowRequest& request, Who) {
    return show_csr(house_, request.name);
  });

  const auto import = std::make_shared<CertificateImport>(house_, keeper, parts.regeneration);
  add<CertificateImportRequest>("cert.import_plan", 1,
                                [this, import](const CertificateImportRequest& request, Who) {
                                  require_token();
                                  return import->plan(request);
                                });
  begin<CertificateImportRequest>("cert.import", 1,
                                  [this, import](const CertificateImportRequest& request, Who who) {
                                    require_token();
                                    return import->start(request, who);
                                  });
  change<TrustImportRequest>(
      "cert.import_trust", 1,
      [import](const TrustImportRequest& request, Who who) { return import->trust(request, who); });
}

}  // namespace ringfence::services::admin

// The methods of CSRs and imports of this node's certificates.
#include <memory>

#include "services/admin/api/methods_add.h"
#include "services/admin/trust/certificate_import.h"
#include "services/admin/trust/csr.h"

namespace ringfence::services::admin {

using namespace core::admin;

void Methods::add_csr(const Parts& parts) {
  TrustKeeper& keeper = parts.keeper;
  on(method::csr_generate, [this, &keeper](const CsrGenerateRequest& request, Who who) {
    require_token();
    return generate_csr(house_, keeper, request.unit, who.user);
  });
  on(method::csr_list, [this](const Nothing&, Who) { return list_csrs(house_); });
  on(method::csr_show,
     [this](const CsrShowRequest& request, Who) { return show_csr(house_, request.name); });

  const auto import = std::make_shared<CertificateImport>(house_, keeper, parts.regeneration);
  on(method::cert_import_plan, [this, import](const CertificateImportRequest& request, Who) {
    require_token();
    return import->plan(request);
  });
  on(method::cert_import, [this, import](const CertificateImportRequest& request, Who who) {
    require_token();
    return import->start(request, who.user);
  });
  on(method::cert_import_trust, [import](const TrustImportRequest& request, Who who) {
    return import->trust(request, who.user);
  });
}

}  // namespace ringfence::services::admin

// The methods of CSRs and imports of this node's certificates.
#include <memory>

#include "services/admin/api/methods_add.h"
#include "services/admin/trust/certificate_import.h"
#include "services/admin/trust/csr.h"

namespace ringfence::services::admin {

using namespace core::admin;

void Methods::add_csr() {
  core::Database& admin = parts_.house.database;
  TrustKeeper& keeper = parts_.keeper;
  on(method::csr_generate, [&, this](const CsrGenerateRequest& request, Who who) {
    require_token();
    return generate_csr(admin, keeper, request.unit, who.user);
  });
  on(method::csr_list, [&](const Nothing&, Who) { return list_csrs(admin); });
  on(method::csr_show,
     [&](const CsrShowRequest& request, Who) { return show_csr(admin, request.name); });

  Regeneration& regeneration = parts_.regeneration;
  const CertificateImport::Regenerating regenerating{
      [&](core::Unit unit, TrustKeeper::Forced force) { return regeneration.plan(unit, force); },
      [&](core::Unit unit, const std::string& who, Regeneration::Change change,
          TrustKeeper::Forced force) {
        return regeneration.start_import(unit, who, std::move(change), force);
      }};
  const auto import = std::make_shared<CertificateImport>(CertificateImport::Parts{
      admin, parts_.house.token, keeper, parts_.house.clock, regenerating});
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

// CAPF-trust as it is in admin.db.
#include "services/capf/trust.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/certificates/certificate_store.h"
#include "core/certificates/trust_store.h"
#include "core/crypto/x509.h"

namespace ringfence::services::capf {

namespace {

std::shared_ptr<const core::Anchors> read(core::Database& admin) {
  const core::CertificateStore certificates(admin);
  auto anchors = std::make_shared<core::Anchors>(std::string(name(core::TrustStore::capf)));
  for (const core::TrustedCertificate& entry : certificates.trusted(name(core::TrustStore::capf))) {
    try {
      const core::X509Cert certificate = core::parse_certificate(entry.der);
      anchors->trust(entry.der, core::purpose_of(entry.purpose, *certificate));
    } catch (const core::Error& error) {
      core::log(core::Level::error, "CAPF_TRUST_ENTRY",
                {{"file", entry.file}, {"error", error.what()}});
    }
  }
  if (const auto own = certificates.own(core::Unit::capf)) anchors->own(own->der);
  return anchors;
}

}  // namespace

Trust::Trust(core::Database& admin) : anchors_(admin, [&admin] { return read(admin); }) {}

}  // namespace ringfence::services::capf

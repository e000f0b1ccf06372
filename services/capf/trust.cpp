// CAPF-trust as it is in admin.db.
#include "services/capf/trust.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/certificates/trust_store.h"
#include "core/crypto/x509.h"

namespace ringfence::services::capf {

std::shared_ptr<const core::Anchors> Trust::anchors() {
  const std::lock_guard lock(mutex_);
  const long long version = admin_.data_version();  // before reading: what comes later counts again
  if (!anchors_ || version != version_) {
    anchors_ = read();
    version_ = version;
  }
  return anchors_;
}

std::shared_ptr<const core::Anchors> Trust::read() const {
  auto anchors = std::make_shared<core::Anchors>(std::string(name(core::TrustStore::capf)));
  for (const core::TrustedCertificate& entry :
       certificates_.trusted(name(core::TrustStore::capf))) {
    try {
      const core::X509Cert certificate = core::parse_certificate(entry.der);
      anchors->trust(entry.der, core::purpose_of(entry.purpose, *certificate));
    } catch (const core::Error& error) {
      core::log(core::Level::error, "CAPF_TRUST_ENTRY",
                {{"file", entry.file}, {"error", error.what()}});
    }
  }
  if (const auto own = certificates_.own(core::Unit::capf)) anchors->own(own->der);
  return anchors;
}

}  // namespace ringfence::services::capf

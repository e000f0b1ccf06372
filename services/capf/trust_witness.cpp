#include "services/capf/trust_witness.h"

#include "core/base/error.h"
#include "core/crypto/x509.h"

namespace ringfence::services::capf {

using core::TrustSignKind;

void TrustWitness::shows(core::BytesView certificate) {
  serial_ = core::serial_text(core::serial_of(*core::parse_certificate(certificate)));
}

void TrustWitness::spoke(const std::string& device) {
  if (spoke_) return;
  spoke_ = true;
  try {
    if (!records_.phone(device)) return;
  } catch (const core::Error&) {  // the session says what is wrong with the records
    return;
  }
  records_.saw(
      {device, TrustSignKind::tls_trusted, address_of(peer_), serial_, "CAPF", core::sign_time()});
}

void TrustWitness::refused(const std::string& alert) noexcept {
  note(TrustSignKind::tls_refused, alert);
}

void TrustWitness::hung_up() noexcept {
  note(TrustSignKind::tls_left, "it hung up when it had seen the certificate");
}

void TrustWitness::note(TrustSignKind kind, const std::string& how) noexcept {
  if (spoke_ || serial_.empty()) return;
  records_.saw({"", kind, address_of(peer_), serial_, how, core::sign_time()});
}

}  // namespace ringfence::services::capf

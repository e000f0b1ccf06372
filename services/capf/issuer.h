// Who signs LSCs, as a session sees it.
#pragma once

#include <chrono>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/phone.h"

namespace ringfence::services::capf {

/// Issuer signs LSCs. Blocks; safe from several threads.
class Issuer {
 public:
  Issuer() = default;
  Issuer(const Issuer&) = delete;
  Issuer& operator=(const Issuer&) = delete;
  virtual ~Issuer() = default;

  /// issue signs the certificate of `phone` for its key (SubjectPublicKeyInfo DER), valid for
  /// `validity`, though never beyond the end of the CA's own certificate.
  ///
  /// Throws Error: `malformed` (the key cannot be certified), `refused` (the CA will not sign);
  /// anything else means that it cannot sign now.
  virtual core::IssuedCertificate issue(const core::Phone& phone, core::BytesView spki,
                                        std::chrono::days validity, core::Time now) = 0;
};

}  // namespace ringfence::services::capf

// The certificates that HTTPS shows phones, read again when admin.db changes.
#pragma once

#include <memory>
#include <vector>

#include "core/certificates/served_certificate.h"
#include "core/net/last_good.h"
#include "core/net/tls.h"
#include "core/storage/database.h"

namespace ringfence::services::tftp {

/// Identity makes the TLS context of CallManager-ECDSA and CallManager. Safe from several threads.
class Identity {
 public:
  /// Both must outlive the identity.
  Identity(core::Database& admin, const core::Token& token);

  /// current returns the context for the newest certificates, made anew when they have changed.
  /// Blocks for the signer then: only on a core::SigningPool. When admin.db or the token fails, the
  /// last good one stays and one log line says why; Error when there never was one.
  std::shared_ptr<core::asio::ssl::context> current();

 private:
  std::vector<core::ServedCertificate> shown() const;

  const core::Token& token_;
  const core::CertificateStore store_;
  core::LastGood<core::asio::ssl::context> context_{"TFTP_IDENTITY_KEPT"};
};

}  // namespace ringfence::services::tftp

// What HTTPS shows phones and wants of them, read again when admin.db changes.
#pragma once

#include <memory>
#include <vector>

#include "core/base/clock.h"
#include "core/certificates/served_certificate.h"
#include "core/net/last_good.h"
#include "core/net/tls.h"
#include "core/storage/cached.h"

namespace ringfence::services::tftp {

/// Clients are whom a port serves.
enum class Clients {
  unasked,  ///< anybody, and nobody is asked for a certificate
  asked,    ///< who shows a certificate must be a phone whose CA is in CallManager-trust
};

/// Identity makes the TLS context of CallManager-ECDSA and CallManager. Safe from several threads.
class Identity {
 public:
  /// All must outlive the identity.
  Identity(core::Database& admin, const core::Token& token, const core::Clock& clock,
           Clients clients);

  /// current returns the context for the newest certificates and the newest CallManager-trust, made
  /// anew when they have changed. Blocks for the signer then: only on a core::SigningPool. When
  /// admin.db or the token fails, the last good one stays and one log line says why; Error when
  /// there never was one.
  std::shared_ptr<core::asio::ssl::context> current();

 private:
  /// Read is what a context is made of.
  struct Read {
    std::vector<core::ServedCertificate> certificates;
    std::vector<core::Bytes> trusted;  ///< DER, CallManager-trust

    core::Bytes bytes() const;  ///< others as soon as anything is another
  };

  std::shared_ptr<const Read> read() const;
  std::shared_ptr<core::asio::ssl::context> make(const Read& read) const;
  core::PeerPolicy peers(const std::vector<core::Bytes>& trusted) const;

  const core::Token& token_;
  const core::Clock& clock_;
  const Clients clients_;
  const core::CertificateStore store_;
  core::Cached<Read> newest_;
  core::LastGood<core::asio::ssl::context> context_{"TFTP_IDENTITY_KEPT"};
};

}  // namespace ringfence::services::tftp

// The CAPF certificate and its key in the token: who signs LSCs and whom phones meet in TLS.
#pragma once

#include <memory>

#include "core/base/clock.h"
#include "core/certificates/certificate_store.h"
#include "core/crypto/token.h"
#include "core/net/last_good.h"
#include "core/storage/database.h"
#include "services/capf/issuer.h"

namespace boost::asio::ssl {
class context;
}

namespace ringfence::services::capf {

/// CapfIssuer signs LSCs as the CAPF certificate it was made with.
class CapfIssuer final : public Issuer {
 public:
  /// `token` must outlive it. Throws Error as Token::key does.
  CapfIssuer(const core::Token& token, const core::OwnCertificate& own);

  core::IssuedCertificate issue(const core::Phone& phone, core::BytesView spki,
                                std::chrono::days validity, core::Time now) override;

 private:
  const core::Token& token_;
  core::X509Cert certificate_;
  core::EvpPkey key_;
};

/// Identity is one CAPF certificate at work. A session keeps the one it started with.
struct Identity {
  std::shared_ptr<boost::asio::ssl::context> tls;
  std::unique_ptr<CapfIssuer> issuer;
};

/// Authority holds the current identity and follows admin.db. Safe from several threads.
class Authority {
 public:
  /// Both must outlive it.
  Authority(const core::Token& token, core::Database& admin);

  /// known returns the identity for a new session if it is loaded already, else null: then ask
  /// `current`. Blocks for SQLite, never for the signer.
  std::shared_ptr<const Identity> known();

  /// current returns the identity for a new session, loaded anew when the certificate has changed.
  /// Blocks for the signer then: only on a core::SigningPool.
  ///
  /// When the new one cannot be loaded, the one before stays in use and a line says why; without
  /// one before, throws Error: `not_found` when there is no CAPF certificate yet, and what
  /// Token::key throws.
  std::shared_ptr<const Identity> current();

 private:
  core::OwnCertificate own() const;
  std::shared_ptr<const Identity> load(const core::OwnCertificate& own) const;

  const core::Token& token_;
  const core::CertificateStore certificates_;
  core::LastGood<const Identity> identity_{"CAPF_IDENTITY_KEPT"};
};

}  // namespace ringfence::services::capf

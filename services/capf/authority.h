// The CAPF certificate and its key in the token: who signs LSCs and whom phones meet in TLS.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/certificates/lsc_maker.h"
#include "core/certificates/served_certificate.h"
#include "core/crypto/token.h"
#include "core/net/last_good.h"
#include "core/storage/cached.h"
#include "services/capf/issuer.h"

namespace boost::asio::ssl {
class context;
}

namespace ringfence::services::capf {

/// SignerHealth is what came of the last signature that a phone needed. Safe from several threads.
class SignerHealth {
 public:
  void worked() noexcept { fails_ = false; }

  /// failed judges by the code: other errors are the phone's, or this program's.
  void failed(const core::Error& error) noexcept;

  bool fails() const noexcept { return fails_; }

 private:
  std::atomic<bool> fails_ = false;
};

/// CapfIssuer signs LSCs as the CAPF certificate it was made with.
class CapfIssuer final : public Issuer {
 public:
  /// `token` and `health` must outlive it. Throws Error as Token::key does.
  CapfIssuer(const core::Token& token, const core::OwnCertificate& own, SignerHealth& health);

  core::IssuedCertificate issue(const core::Phone& phone, core::BytesView spki,
                                std::chrono::days validity, core::Time now) override;

 private:
  core::X509Cert certificate_;
  core::EvpPkey key_;
  core::LscMaker maker_;  // of both
  SignerHealth& health_;
  std::atomic<bool> said_cut_ = false;
};

/// Identity is one CAPF certificate at work. A session keeps the one it started with.
struct Identity {
  core::Bytes der;                 ///< the certificate
  std::vector<core::Bytes> chain;  ///< the CAs above it, as TLS shows them
  std::shared_ptr<boost::asio::ssl::context> tls;
  std::shared_ptr<boost::asio::ssl::context> legacy_tls;  ///< from TLS 1.0 on
  std::unique_ptr<CapfIssuer> issuer;
};

/// Authority holds the current identity and follows admin.db. Safe from several threads.
class Authority {
 public:
  /// Both must outlive it.
  Authority(const core::Token& token, core::Database& admin);

  /// current returns the identity for a new session, loaded anew when the certificate has changed.
  /// Blocks for the signer then: only on a core::SigningPool.
  ///
  /// When the new one cannot be loaded, the one before stays in use and a line says why; without
  /// one before, throws Error: `not_found` when there is no CAPF certificate yet, and what
  /// Token::key throws.
  std::shared_ptr<const Identity> current();

  SignerHealth& health() noexcept { return health_; }

 private:
  std::shared_ptr<const Identity> load(const core::ServedCertificate& shown);

  const core::Token& token_;
  core::Cached<core::ServedCertificate> shown_;
  SignerHealth health_;
  core::LastGood<const Identity> identity_{"CAPF_IDENTITY_KEPT"};
};

}  // namespace ringfence::services::capf

// Which CallManager key signs configurations: the one that phones can know.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/certificates/certificate_store.h"
#include "core/crypto/token.h"
#include "services/tftp/list_file.h"

namespace ringfence::services::tftp {

/// Signing is a CallManager certificate and its key in the token.
struct Signing {
  core::Bytes der;
  core::KeyRef key;
  std::string stamp;        ///< differs whenever certificate or key do
  std::string serial = {};  ///< of the certificate, as core::TrustSign has it
};

/// SigningChoice follows the served ITL.
///
/// After a regeneration admin.db names the new certificate at once, while the ITL that phones fetch
/// may list the old one still: for a moment, or until a failed publication is repeated. So long the
/// old key, which the token keeps, goes on signing. Safe from several threads.
class SigningChoice {
 public:
  /// Both must outlive it.
  SigningChoice(const core::CertificateStore& certificates, const core::Token& token);

  /// current returns the own certificate when `itl` (or null) lists it as TFTP, else the one that
  /// `itl` lists if its key is in the token, else the own one. May block for the signer. Throws
  /// Error as Token::keys and Database do, hsm_unavailable also when there is no certificate yet.
  Signing current(const Content* itl);

  /// known returns what `current` would, if that has been decided already. Blocks for the disk
  /// only.
  std::optional<Signing> known(const Content* itl);

 private:
  core::OwnCertificate own() const;
  std::optional<Signing> decided(const std::string& asked);
  Signing choose(const core::OwnCertificate& own, const Content* itl) const;

  const core::CertificateStore& certificates_;
  const core::Token& token_;
  std::mutex mutex_;  // for what follows
  std::string asked_;
  Signing chosen_;
};

}  // namespace ringfence::services::tftp

// The certificates that HTTPS shows phones, read again when admin.db changes.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "core/certificates/certificate_store.h"
#include "core/net/tls.h"
#include "core/storage/database.h"

namespace ringfence::services::tftp {

/// Identity makes the TLS context of CallManager-ECDSA and CallManager. Safe from several threads;
/// `current` may block for SQLite and the signer.
class Identity {
 public:
  /// Both must outlive the identity.
  Identity(core::Database& admin, const core::Token& token);

  /// current returns the context for the newest certificates. When admin.db or the token fails,
  /// the last good one stays and one log line says why; Error when there never was one.
  std::shared_ptr<core::asio::ssl::context> current();

 private:
  void read();

  core::Database& admin_;
  const core::Token& token_;
  const core::CertificateStore store_;
  std::mutex mutex_;  // for what follows
  long long version_ = -1;
  core::Bytes shown_;  ///< the certificates of `context_`, DER after DER
  std::shared_ptr<core::asio::ssl::context> context_;
  std::string complaint_;
};

}  // namespace ringfence::services::tftp

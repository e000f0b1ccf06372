// What TVS answers from: admin.db, read again when it changes.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "core/certificates/served_certificate.h"
#include "core/crypto/token.h"
#include "core/net/last_good.h"
#include "core/net/tls.h"
#include "core/storage/cached.h"
#include "services/tvs/directory.h"

namespace ringfence::services::tvs {

/// Page is one state of admin.db: the certificates, and what TLS shows.
struct Page {
  Directory directory;
  core::ServedCertificate shown;
};

/// Book keeps the current page and the TLS context of its certificate. Safe from several threads.
class Book {
 public:
  /// `admin` is admin.db, read-only; both must outlive the book. Throws Error: `not_found` when
  /// there is no TVS certificate yet, and as Database, Token and make_tls_server do.
  Book(core::Database& admin, const core::Token& token);

  /// current returns the newest page. When admin.db fails, the last good page stays, and one log
  /// line says why. Blocks for the disk, never for the signer.
  std::shared_ptr<const Page> current();

  /// tls returns the context of the current page, made anew when the certificate has changed.
  /// Blocks for the signer then: only on a core::SigningPool. When it cannot be made, the last good
  /// one stays, and one log line says why.
  std::shared_ptr<core::asio::ssl::context> tls();

  /// reload reads and makes everything again at the next calls, changed or not.
  void reload();

 private:
  void complain(const std::string& why);

  const core::Token& token_;
  core::Cached<Page> page_;
  core::LastGood<core::asio::ssl::context> tls_{"TVS_CERTIFICATES_KEPT"};

  std::mutex mutex_;
  std::string complaint_;  // guarded by mutex_
};

}  // namespace ringfence::services::tvs

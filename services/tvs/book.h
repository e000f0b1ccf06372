// What TVS answers from: admin.db, read again when it changes.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "core/certificates/certificate_store.h"
#include "core/crypto/token.h"
#include "core/net/tls.h"
#include "core/storage/database.h"
#include "services/tvs/directory.h"

namespace ringfence::services::tvs {

/// Page is one state of admin.db: the certificates, and the identity that TLS shows.
struct Page {
  Directory directory;
  core::Bytes certificate;  ///< TVS's own, DER
  std::shared_ptr<core::asio::ssl::context> tls;
};

/// Book keeps the current page. Safe from several threads; every call may block for SQLite, and
/// after a regeneration of TVS for the signer.
class Book {
 public:
  /// `admin` is admin.db, read-only; both must outlive the book. Throws Error: `not_found` when
  /// there is no TVS certificate yet, and as Database, Token and make_tls_server do.
  Book(core::Database& admin, const core::Token& token);

  /// current returns the newest page. When admin.db or the token fails, the last good page stays,
  /// and one log line says why.
  std::shared_ptr<const Page> current();

  /// reload reads everything again at the next `current`, changed or not.
  void reload();

 private:
  std::shared_ptr<const Page> read();
  void complain(const std::string& why);

  core::Database& admin_;
  const core::Token& token_;
  const core::CertificateStore store_;

  std::mutex mutex_;  // for what follows
  std::shared_ptr<const Page> page_;
  long long version_ = 0;
  bool stale_ = true;
  std::string complaint_;
};

}  // namespace ringfence::services::tvs

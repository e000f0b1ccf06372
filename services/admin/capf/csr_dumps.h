// Dumps of phones' CSRs, which an offline CA is to sign.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "core/admin/offline_api.h"
#include "core/certificates/certificate_store.h"
#include "core/crypto/token.h"
#include "core/phones/enrolment_store.h"
#include "services/admin/capf/transfers.h"

namespace ringfence::services::admin {

/// CsrDumps answers offline.dump: the CSRs that wait for a certificate, part by part, as a .tgz.
/// Safe from several threads.
class CsrDumps {
 public:
  /// Parts must outlive it.
  struct Parts {
    const core::CertificateStore& certificates;
    const core::Token& token;
    std::function<std::vector<core::PendingCsr>()> csrs;  ///< all that are on record
  };

  explicit CsrDumps(Parts parts);
  CsrDumps(const CsrDumps&) = delete;
  CsrDumps& operator=(const CsrDumps&) = delete;
  ~CsrDumps();

  /// dump signs the next CSRs, on many threads, and packs them. Throws Error{not_found} when none
  /// waits, and as Token::key.
  core::admin::CsrDumpPart dump(const core::admin::CsrDumpRequest& request);

 private:
  struct Dump;

  /// Made is a CSR, or why there is none.
  struct Made {
    std::string pem;
    std::string why;
  };

  std::shared_ptr<Dump> begin();
  std::vector<Made> sign(const Dump& dump, std::size_t from, std::size_t count);

  const Parts parts_;
  Transfers<Dump> dumps_;
};

}  // namespace ringfence::services::admin

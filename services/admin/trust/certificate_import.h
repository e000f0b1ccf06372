// cert.import*: certificates that somebody else signed, for this node's CAPF and its trust stores.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/admin/csr_api.h"
#include "core/certificates/certificate_store.h"
#include "services/admin/trust/trust_keeper.h"

namespace ringfence::services::admin {

/// CertificateImport judges and puts to use. Safe from several threads.
class CertificateImport {
 public:
  using Forced = TrustKeeper::Forced;

  /// Regenerating is the job around a change of a unit's certificate.
  struct Regenerating {
    /// plan says what the job will do, and what speaks against it.
    std::function<core::admin::RegeneratePlan(core::Unit, Forced)> plan;
    /// start begins the job, which makes the change for the one who asked; it returns its number.
    std::function<std::int64_t(core::Unit, const std::string& who,
                               std::function<Published(const std::string& who)> change, Forced)>
        start;
  };

  /// All must outlive it, and the jobs that it starts. `admin` is admin.db.
  struct Parts {
    core::Database& admin;
    const core::Token& token;
    TrustKeeper& keeper;
    const core::Clock& clock;
    Regenerating regenerating;
  };

  explicit CertificateImport(Parts parts) : parts_(std::move(parts)), certificates_(parts_.admin) {}

  /// plan checks the certificate as import will, down to an LSC that it signs for nobody, and says
  /// what will happen. Throws Error{refused}, {malformed} or {not_found} with what is wrong and
  /// what to do.
  core::admin::CertificateImportPlan plan(const core::admin::CertificateImportRequest& request);

  /// start begins the job, which is that of a regeneration; the same Errors, and Error{conflict}
  /// while another runs.
  core::admin::JobStarted start(const core::admin::CertificateImportRequest& request,
                                const std::string& who);

  core::admin::TrustImported trust(const core::admin::TrustImportRequest& request,
                                   const std::string& who);

 private:
  /// Given is the certificate that counts, and what is said about the file it came in.
  struct Given {
    core::Bytes der;
    std::string found;
    std::vector<std::string> notes;
    std::vector<std::string> warnings;
  };

  /// given reads the request and wipes what it holds, which may be a private key.
  Given given(const core::admin::CertificateImportRequest& request);
  TrustKeeper::Adopted judge(const core::admin::CertificateImportRequest& request,
                             const core::Bytes& der);
  void check_ca_cert(const std::string& wanted, const X509& issuer);
  void check_subject_is_free(const X509& certificate);
  void check_issues(const TrustKeeper::Adopted& adopted);

  const Parts parts_;
  core::CertificateStore certificates_;
};

}  // namespace ringfence::services::admin

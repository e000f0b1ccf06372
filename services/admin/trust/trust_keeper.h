// The node's certificates and the ITL made of them: first start, regeneration, publishing, reset.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/admin/api.h"
#include "core/admin/csr_api.h"
#include "core/certificates/capf_trust.h"
#include "core/certificates/certificate_store.h"
#include "core/certificates/csr_store.h"
#include "core/certificates/trust_store.h"
#include "core/certificates/unit.h"
#include "core/trust/trust_list.h"
#include "services/admin/node/acts.h"
#include "services/admin/node/this_node.h"
#include "services/admin/trust/node_certificates.h"
#include "services/admin/trust/publisher.h"
#include "services/admin/trust/unit_keys.h"

namespace ringfence::services::admin {

/// TrustKeeper changes certificates and publishes trust lists. Safe from several threads: each
/// change holds the mutex of trust.
class TrustKeeper {
 public:
  /// Forced is the number of phones over which a guard was overruled.
  using Forced = std::optional<std::int64_t>;

  /// All must outlive it. `admin` is admin.db; `mutex` is held by whoever changes certificates or
  /// publishes a trust list.
  struct Parts {
    const core::Config& config;
    core::Database& admin;
    UnitKeys& keys;
    Publisher& publisher;
    Acts& acts;
    const core::Clock& clock;
    std::mutex& mutex;
  };

  explicit TrustKeeper(const Parts& parts) : parts_(parts), certificates_(parts.admin) {}

  /// ensure_certificates gives every unit that has none a key and a certificate.
  void ensure_certificates();

  /// ensure_itl has the ITL of the current certificates in force, signed by who signs it now. A
  /// file on disk that is another one, or damaged, is replaced by the last good list where that is
  /// it, and else by a new one; what was done is returned. Called before Cisco Tftp starts.
  std::optional<Ensured> ensure_itl(const std::string& reason);

  /// refresh_itl is ensure_itl where phones wait for files: a list that is there already has to do
  /// while a new one cannot be signed. Throws when there is none.
  std::optional<Ensured> refresh_itl(const std::string& reason);

  /// regenerate makes a new key and certificate for `unit`, updates the trust stores, and publishes
  /// the ITL. `forced` is over how many phones an administrator did so, for the audit log.
  ///
  /// The new list is built, signed, verified and on disk before anything changes; then certificate,
  /// trust stores and list version become the truth in one transaction, and a rename publishes. An
  /// Error before that leaves the old certificate and destroys the new key. After the rename
  /// nothing throws: what fails then is a warning. The audit log has `_DONE` once the list is in
  /// force, and
  /// `_FAILED` with what is in force when it is not.
  Published regenerate(core::Unit unit, const std::string& who, Forced forced = {});

  /// request makes a new key for `unit`, and a CSR for it that a third party may sign. It takes the
  /// place of the unit's pending one, whose key is destroyed. The certificate in use stays.
  core::PendingRequest request(core::Unit unit, const std::string& who);

  /// Adopted is what somebody else signed for a unit's pending request.
  struct Adopted {
    core::OwnCertificate certificate;  ///< its key is the request's
    std::vector<core::Bytes> issuers;  ///< their certificates, nearest first
  };

  /// adopt puts a certificate that somebody else signed in the place of the unit's, in the very
  /// way of regenerate. `judge` is asked under the mutex, so that what it saw still holds;
  /// what it throws leaves everything as it was, the request too. The issuers go to
  /// CallManager-trust, where LSCs are verified.
  Published adopt(core::Unit unit, const std::string& who, const std::function<Adopted()>& judge,
                  Forced forced = {});

  /// trust puts certificates into a store: one a subject, the newer one wins (cucm-behaviour 1.7).
  /// Returns what became of each, in their order. Throws Error{refused} naming one that is older
  /// than what is there; then nothing has changed.
  /// Each new entry of CAPF-trust gets `purpose`, or its natural one; what is there already gets a
  /// purpose that is named.
  std::vector<core::admin::TrustImport> trust(
      core::TrustStore store, const std::vector<core::X509Cert>& certificates,
      const std::string& who, std::optional<core::CapfTrustPurpose> purpose = std::nullopt);

  /// reset_localkey publishes the ITL signed by the recovery signer: from the certificates alone,
  /// whatever stands in the served file and whichever services run. It stays until end_recovery.
  core::admin::TrustListReset reset_localkey();

  /// end_recovery returns to the normal signer; nothing happens when no recovery list is in force.
  void end_recovery(const std::string& reason);

  const Publisher& publisher() const noexcept { return parts_.publisher; }

  /// show reads a published file from disk and checks it against our own certificates.
  core::admin::TrustListShow show(core::ListKind kind);

  /// served_itl_sha1 is the SHA-1 (hex) of the last published ITL, or "".
  std::string served_itl_sha1();

 private:
  void create(core::Unit unit);

  /// change is what regenerate and adopt have in common; `event` begins the audit records' names,
  /// `discard_on_failure` says whether the new key is worth nothing when it fails.
  enum class OnFailure { keep_key, discard_key };

  struct Act {
    core::Unit unit;
    std::string who;
    std::string event;
    std::string reason;
    OnFailure on_failure;
    Forced forced;
  };

  Published change(const Act& act, const std::function<Adopted()>& make);
  /// decide makes the certificate and the list the truth in one transaction. A COMMIT that may have
  /// been kept, or not, is looked at again: what is there then counts.
  void decide(const Adopted& fresh, const core::OwnCertificate& old, const SignedList& list,
              const std::string& reason);
  bool settled() noexcept;  ///< whether admin.db shows what stays, see Database::settle
  /// store makes the certificate the unit's and its stores what they must be, in one transaction.
  void store(const Adopted& fresh, const std::optional<core::OwnCertificate>& old);

  NodeCertificates current() const {
    return {certificates_.all_own(), cluster_of(parts_.admin, parts_.config)};
  }

  const Parts parts_;
  core::CertificateStore certificates_;
};

}  // namespace ringfence::services::admin

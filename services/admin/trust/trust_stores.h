// The trust stores as they are and as a change leaves them, before it is written.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/certificates/capf_trust.h"
#include "core/certificates/certificate_store.h"
#include "core/certificates/trust_store.h"
#include "core/crypto/handles.h"

namespace ringfence::services::admin {

/// TrustStores is what the trust stores hold, as facts and as rows. Changes are noted here; the
/// caller writes `added` and `displaced` (CertificateStore::trust).
class TrustStores {
 public:
  explicit TrustStores(const core::CertificateStore& store);

  /// apply notes a change of the time `now`.
  void apply(const core::StoreChange& change, core::Time now);

  /// note_issuers has CallManager-trust know who signed CAPF, so that its LSCs are verified up to a
  /// root there. One that is older than what is there is not needed.
  void note_issuers(const std::vector<core::Bytes>& issuers, core::Time now);

  /// set_purpose gives an entry of CAPF-trust the purpose that was named. Without one a new entry
  /// gets its natural purpose, and one that was there keeps its own. Returns the word.
  std::string set_purpose(const core::Bytes& der, const X509& certificate,
                          std::optional<core::CapfTrustPurpose> named);

  /// file_of returns the name under which a certificate is in a store, or "".
  std::string file_of(core::TrustStore store, const core::Bytes& der) const;

  const core::StoreContents& contents() const noexcept { return contents_; }

  std::vector<core::CertificateFacts> of(core::TrustStore store) const;

  const std::vector<core::TrustedCertificate>& added() const noexcept { return added_; }

  const std::vector<core::TrustedCertificate>& displaced() const noexcept { return displaced_; }

 private:
  /// file_for names an entry after its CN; two subjects may share one.
  std::string file_for(const std::string& store, const core::StoreChange& change) const;

  std::vector<core::TrustedCertificate> rows_;
  core::StoreContents contents_;
  std::vector<core::TrustedCertificate> added_;
  std::vector<core::TrustedCertificate> displaced_;
};

}  // namespace ringfence::services::admin

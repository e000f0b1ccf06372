// The node's certificates as they are, or as they would be, and the ITL made of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/certificates/certificate_store.h"
#include "core/config/config.h"
#include "core/crypto/token.h"
#include "core/trust/itl.h"
#include "core/trust/trust_list.h"

namespace ringfence::services::admin {

/// SignedList is an ITL that was built, signed and verified, and is not published yet.
struct SignedList {
  core::Bytes file;
  core::Unit signer = core::Unit::call_manager;
  std::string sha1;  ///< of the file, hex
};

/// NodeCertificates holds the certificate of every unit, parsed.
class NodeCertificates {
 public:
  /// Throws Error{not_found} naming a unit without a certificate.
  explicit NodeCertificates(std::vector<core::OwnCertificate> own);

  /// with returns what the node has once `fresh` is its unit's certificate.
  NodeCertificates with(const core::OwnCertificate& fresh) const;

  const core::OwnCertificate& own(core::Unit unit) const;
  const X509& of(core::Unit unit) const;

  /// build_itl signs the list of these certificates with the key of `signer`, which is in the
  /// token, and verifies it. Throws what the signer answers.
  SignedList build_itl(core::ItlSigner signer, const core::Config& config, const core::Token& token,
                       core::Time now) const;

  /// difference says in words why `file` is not just what build_itl would make, but for its time:
  /// the same records, rightly signed by `signer`. Nothing when it is. Never throws for a bad file.
  std::optional<std::string> difference(core::BytesView file, core::ItlSigner signer,
                                        const core::Config& config) const;

 private:
  std::size_t index(core::Unit unit) const;
  std::vector<core::RecordRequest> records(const core::Config& config) const;

  std::vector<core::OwnCertificate> own_;
  std::vector<core::X509Cert> parsed_;
};

/// unit_of names the unit whose key an ITL signer is.
core::Unit unit_of(core::ItlSigner signer) noexcept;

}  // namespace ringfence::services::admin

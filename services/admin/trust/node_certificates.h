// The node's certificates as they are, or as they would be, and the trust lists made of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/certificates/certificate_store.h"
#include "core/crypto/token.h"
#include "core/trust/cluster.h"
#include "core/trust/itl.h"
#include "core/trust/trust_list.h"

namespace ringfence::services::admin {

/// SignedList is a trust list that was built, signed and verified, and is not published yet.
struct SignedList {
  core::Bytes file;
  core::Unit signer = core::Unit::call_manager;
  std::string sha1;  ///< of the file, hex
};

/// NodeCertificates holds the certificate of every unit of this node, its keys, and the cluster
/// that they are in.
class NodeCertificates {
 public:
  /// Throws Error{not_found} naming a unit without a certificate.
  NodeCertificates(std::vector<core::OwnCertificate> own, core::Cluster cluster);

  /// with returns what the node has once `fresh` is its unit's certificate, or the cluster is
  /// another one.
  NodeCertificates with(const core::OwnCertificate& fresh) const;
  NodeCertificates with(core::Cluster cluster) const;

  const core::OwnCertificate& own(core::Unit unit) const;
  const X509& of(core::Unit unit) const;

  const core::Cluster& cluster() const noexcept { return cluster_; }

  /// build signs the list of these certificates with the key of `signer`, which is in the token,
  /// and verifies it. Throws what the signer answers.
  SignedList build(core::ListKind kind, core::Unit signer, const core::Token& token,
                   core::Time now) const;

  /// difference says in words why `file` is not just what build would make, but for its time: the
  /// same records, rightly signed by `signer`. Nothing when it is. Never throws for a bad file.
  std::optional<std::string> difference(core::ListKind kind, core::BytesView file,
                                        core::Unit signer) const;

 private:
  std::size_t index(core::Unit unit) const;

  const core::ClusterNode& self() const { return cluster_.node(core::kThisNode); }

  std::vector<core::OwnCertificate> own_;
  core::Cluster cluster_;
};

}  // namespace ringfence::services::admin

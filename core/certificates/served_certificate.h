// What a unit of this node shows in TLS.
#pragma once

#include <optional>
#include <vector>

#include "core/certificates/certificate_store.h"

namespace ringfence::core {

/// ServedCertificate is a unit's certificate with the CAs above it, up to, without, its root.
struct ServedCertificate {
  OwnCertificate own;
  std::vector<Bytes> chain;  ///< DER, nearest first; empty when the unit signs its own

  /// bytes are those of all of them: others as soon as anything of it is another.
  Bytes bytes() const;
};

/// served_certificate returns what `unit` shows now; nothing when it has no certificate. The CAs
/// are found in the trust stores, where they are kept for what they signed. Throws Error as
/// `store`.
std::optional<ServedCertificate> served_certificate(const CertificateStore& store, Unit unit);

}  // namespace ringfence::core

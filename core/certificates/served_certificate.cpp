#include "core/certificates/served_certificate.h"

#include <utility>

#include "core/certificates/chain.h"
#include "core/crypto/x509.h"

namespace ringfence::core {

Bytes ServedCertificate::bytes() const {
  Bytes all = own.der;
  for (const Bytes& one : chain) all.insert(all.end(), one.begin(), one.end());
  return all;
}

std::optional<ServedCertificate> served_certificate(const CertificateStore& store, Unit unit) {
  std::optional<OwnCertificate> own = store.own(unit);
  if (!own) return std::nullopt;
  if (signs_itself(*parse_certificate(own->der))) return ServedCertificate{std::move(*own), {}};
  std::vector<Bytes> known;
  for (TrustedCertificate& one : store.trusted()) known.push_back(std::move(one.der));
  std::vector<Bytes> chain = chain_above(own->der, known);
  return ServedCertificate{std::move(*own), std::move(chain)};
}

}  // namespace ringfence::core

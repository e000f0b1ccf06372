// The keys of this node.
#include "services/capf/own_keys.h"

#include "core/base/error.h"
#include "core/certificates/certificate_store.h"
#include "core/crypto/x509.h"
#include "services/capf/public_key.h"

namespace ringfence::services::capf {

OwnKeys::OwnKeys(core::Database& admin) : holders_(admin, [&admin] { return read(admin); }) {}

std::optional<std::string> OwnKeys::holder(std::string_view hash) {
  const auto holders = holders_.get();
  const auto found = holders->find(hash);
  if (found == holders->end()) return std::nullopt;
  return found->second;
}

std::shared_ptr<const OwnKeys::Holders> OwnKeys::read(core::Database& admin) {
  auto holders = std::make_shared<Holders>();
  const auto note = [&](const core::Bytes& der, const std::string& whose) {
    try {
      const core::Bytes spki = core::spki_of(*core::parse_certificate(der));
      holders->emplace(read_public_key(spki).hash, whose);
    } catch (const core::Error&) {  // no key that a phone could bring: another curve, say
    }
  };
  const core::CertificateStore certificates(admin);
  for (const core::OwnCertificate& own : certificates.all_own())
    note(own.der, "this node's " + std::string(name(own.unit)));
  for (const core::TrustedCertificate& one : certificates.trusted())
    note(one.der, one.store + "/" + one.file);
  return holders;
}

}  // namespace ringfence::services::capf

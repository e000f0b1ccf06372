// The keys of this node.
#include "services/capf/own_keys.h"

#include "core/base/error.h"
#include "core/crypto/x509.h"
#include "services/capf/public_key.h"

namespace ringfence::services::capf {

std::optional<std::string> OwnKeys::holder(std::string_view hash) {
  const std::lock_guard lock(mutex_);
  const long long version = admin_.data_version();  // before reading: what comes later counts again
  if (version != version_) {
    read();
    version_ = version;
  }
  const auto found = holders_.find(hash);
  if (found == holders_.end()) return std::nullopt;
  return found->second;
}

void OwnKeys::read() {
  holders_.clear();
  const auto note = [this](const core::Bytes& der, const std::string& whose) {
    try {
      const core::Bytes spki = core::spki_of(*core::parse_certificate(der));
      holders_.emplace(read_public_key(spki).hash, whose);
    } catch (const core::Error&) {  // no key that a phone could bring: another curve, say
    }
  };
  for (const core::OwnCertificate& own : certificates_.all_own())
    note(own.der, "this node's " + std::string(name(own.unit)));
  for (const core::TrustedCertificate& one : certificates_.trusted())
    note(one.der, one.store + "/" + one.file);
}

}  // namespace ringfence::services::capf

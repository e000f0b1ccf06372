#include "services/tftp/identity.h"

#include "core/base/error.h"
#include "core/crypto/x509.h"

namespace ringfence::services::tftp {
namespace {

using Certificates = std::vector<core::OwnCertificate>;

/// bytes_of puts the certificates' DER one after the other.
core::Bytes bytes_of(const Certificates& certificates) {
  core::Bytes all;
  for (const auto& own : certificates) all.insert(all.end(), own.der.begin(), own.der.end());
  return all;
}

}  // namespace

Identity::Identity(core::Database& admin, const core::Token& token)
    : token_(token), store_(admin) {}

std::shared_ptr<core::asio::ssl::context> Identity::current() {
  try {
    const Certificates certificates = shown();
    const auto make = [&] {
      std::vector<core::TlsIdentity> identities;
      for (const core::OwnCertificate& own : certificates) {
        identities.push_back({core::parse_certificate(own.der), own.key});
      }
      return core::make_tls_server(token_, identities);
    };
    return context_.renewed(bytes_of(certificates), make);
  } catch (const core::Error& error) {
    return context_.last(error);
  }
}

Certificates Identity::shown() const {
  Certificates certificates;
  for (const core::Unit unit : {core::Unit::call_manager_ecdsa, core::Unit::call_manager}) {
    if (auto own = store_.own(unit)) certificates.push_back(std::move(*own));
  }
  if (certificates.empty()) {
    throw core::Error(core::Code::not_found,
                      "admin.db has no CallManager certificate yet: start ringfence-admin first");
  }
  return certificates;
}

}  // namespace ringfence::services::tftp

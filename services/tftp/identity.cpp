#include "services/tftp/identity.h"

#include "core/base/error.h"

namespace ringfence::services::tftp {
namespace {

using Certificates = std::vector<core::ServedCertificate>;

/// bytes_of puts the certificates' DER one after the other.
core::Bytes bytes_of(const Certificates& certificates) {
  core::Bytes all;
  for (const core::ServedCertificate& one : certificates) {
    const core::Bytes bytes = one.bytes();
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

}  // namespace

Identity::Identity(core::Database& admin, const core::Token& token)
    : token_(token), store_(admin) {}

std::shared_ptr<core::asio::ssl::context> Identity::current() {
  try {
    const Certificates certificates = shown();
    const auto make = [&] {
      core::TlsServerSpec spec;
      for (const core::ServedCertificate& one : certificates)
        spec.identities.push_back({one.own.der, one.own.key, one.chain});
      return core::make_tls_server(token_, spec);
    };
    return context_.renewed(bytes_of(certificates), make);
  } catch (const core::Error& error) {
    return context_.last(error);
  }
}

Certificates Identity::shown() const {
  Certificates certificates;
  for (const core::Unit unit : {core::Unit::call_manager_ecdsa, core::Unit::call_manager}) {
    if (auto one = served_certificate(store_, unit)) certificates.push_back(std::move(*one));
  }
  if (certificates.empty()) {
    throw core::Error(core::Code::not_found,
                      "admin.db has no CallManager certificate yet: start ringfence-admin first");
  }
  return certificates;
}

}  // namespace ringfence::services::tftp

#include "services/tftp/identity.h"

#include <utility>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/certificates/peer_verifier.h"
#include "core/certificates/trust_store.h"

namespace ringfence::services::tftp {

Identity::Identity(core::Database& admin, const core::Token& token, const core::Clock& clock,
                   Clients clients)
    : token_(token), clock_(clock), clients_(clients), store_(admin), newest_(admin, [this] {
        return read();
      }) {}

core::Bytes Identity::Read::bytes() const {
  core::Bytes all;
  const auto add = [&all](const core::Bytes& one) {
    all.insert(all.end(), one.begin(), one.end());
  };
  for (const core::ServedCertificate& one : certificates) add(one.bytes());
  for (const core::Bytes& one : trusted) add(one);
  return all;
}

std::shared_ptr<core::asio::ssl::context> Identity::current() {
  try {
    const std::shared_ptr<const Read> newest = newest_.get();
    return context_.renewed(newest->bytes(), [&] { return make(*newest); });
  } catch (const core::Error& error) {
    return context_.last(error);
  }
}

std::shared_ptr<core::asio::ssl::context> Identity::make(const Read& read) const {
  core::TlsServerSpec spec;
  for (const core::ServedCertificate& one : read.certificates)
    spec.identities.push_back({one.own.der, one.own.key, one.chain});
  if (clients_ == Clients::asked) spec.peers = peers(read.trusted);
  return core::make_tls_server(token_, spec);
}

core::PeerPolicy Identity::peers(const std::vector<core::Bytes>& trusted) const {
  auto anchors = std::make_shared<core::Anchors>(std::string(name(core::TrustStore::call_manager)));
  for (const core::Bytes& der : trusted) {
    try {
      anchors->trust(der, core::Anchors::Purpose::ca);
    } catch (const core::Error& error) {  // one bad row must not shut out all phones
      core::log(core::Level::error, "TFTP_TRUST_ENTRY", {{"error", error.what()}});
    }
  }
  auto phones = std::make_shared<core::PeerVerifier>(core::PeerPurpose::phone, anchors, clock_);
  return {core::PeerPolicy::Certificate::ask, std::move(phones)};
}

std::shared_ptr<const Identity::Read> Identity::read() const {
  auto read = std::make_shared<Read>();
  for (const core::Unit unit : {core::Unit::call_manager_ecdsa, core::Unit::call_manager}) {
    if (auto one = served_certificate(store_, unit)) read->certificates.push_back(std::move(*one));
  }
  if (read->certificates.empty()) {
    throw core::Error(core::Code::not_found,
                      "admin.db has no CallManager certificate yet: start ringfence-admin first");
  }
  if (clients_ == Clients::unasked) return read;
  for (core::TrustedCertificate& one : store_.trusted(name(core::TrustStore::call_manager)))
    read->trusted.push_back(std::move(one.der));
  return read;
}

}  // namespace ringfence::services::tftp

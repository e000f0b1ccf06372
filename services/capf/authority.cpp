// The CAPF certificate and its key in the token.
#include "services/capf/authority.h"

#include <utility>

#include "core/base/log.h"
#include "core/crypto/x509.h"
#include "core/net/tls.h"
#include "services/capf/public_key.h"

namespace ringfence::services::capf {

using core::Code;
using core::Error;

void SignerHealth::failed(const Error& error) noexcept {
  switch (error.code()) {
    case Code::hsm_unavailable:
    case Code::hsm_locked: fails_ = true; break;
    case Code::malformed:
    case Code::refused:
    case Code::not_found:
    case Code::conflict:
    case Code::io:
    case Code::internal: break;
  }
}

CapfIssuer::CapfIssuer(const core::Token& token, const core::OwnCertificate& own,
                       SignerHealth& health)
    : certificate_(core::parse_certificate(own.der)),
      key_(token.key(own.key)),
      maker_(*certificate_, *key_, token.context()),
      health_(health) {}

core::IssuedCertificate CapfIssuer::issue(const core::Phone& phone, core::BytesView spki,
                                          std::chrono::days validity, core::Time now) {
  core::LscRequest request;
  request.device_name = phone.name;
  request.model = phone.model;
  request.spki.assign(spki.begin(), spki.end());
  request.validity = validity;
  core::Lsc lsc;
  try {
    lsc = maker_.make(request, now);
    health_.worked();
  } catch (const Error& error) {
    health_.failed(error);
    throw;
  }

  // By a day or more, since a fresh CAPF certificate lasts as long as the longest LSC; and once,
  // since it is so for every LSC that follows.
  if (lsc.not_after + std::chrono::days(1) <= now + validity && !said_cut_.exchange(true)) {
    core::log(core::Level::warning, "CAPF_VALIDITY_CUT",
              {{"asked_days", std::to_string(validity.count())},
               {"until", core::to_iso(lsc.not_after)},
               {"why", "the CAPF certificate itself ends then: regenerate it"}});
  }

  core::IssuedCertificate issued;
  issued.phone = phone.name;
  issued.request = phone.capf.request;
  issued.serial = std::move(lsc.serial);
  issued.subject = std::move(lsc.subject);
  issued.issuer = maker_.issuer();
  issued.der = std::move(lsc.der);
  const PublicKey key = read_public_key(spki);
  issued.key = describe(key);
  issued.key_hash = key.hash;
  issued.not_after = lsc.not_after;
  issued.issued_at = now;
  return issued;
}

Authority::Authority(const core::Token& token, core::Database& admin)
    : token_(token), shown_(admin, [&admin] {
        const core::CertificateStore certificates(admin);
        auto shown = served_certificate(certificates, core::Unit::capf);
        if (!shown) throw Error(Code::not_found, "there is no CAPF certificate yet");
        return std::make_shared<const core::ServedCertificate>(std::move(*shown));
      }) {}

std::shared_ptr<const Identity> Authority::current() {
  try {
    const auto shown = shown_.get();
    return identity_.renewed(shown->bytes(), [&] { return load(*shown); });
  } catch (const Error& error) {
    return identity_.last(error);
  }
}

std::shared_ptr<const Identity> Authority::load(const core::ServedCertificate& shown) {
  const core::OwnCertificate& own = shown.own;
  auto identity = std::make_shared<Identity>();
  identity->der = own.der;
  identity->chain = shown.chain;
  identity->issuer = std::make_unique<CapfIssuer>(token_, own, health_);
  core::TlsServerSpec spec{.identities = {{own.der, own.key, shown.chain}}};
  identity->tls = core::make_tls_server(token_, spec);
  spec.versions = core::TlsVersions::from_1_0;
  identity->legacy_tls = core::make_tls_server(token_, spec);
  const core::X509Cert certificate = core::parse_certificate(own.der);
  core::log(core::Level::notice, "CAPF_IDENTITY",
            {{"subject", core::subject_of(*certificate)},
             {"serial", core::to_hex(core::serial_of(*certificate))}});
  return identity;
}

}  // namespace ringfence::services::capf

// The rules of trust stores.
#include "core/certificates/trust_store.h"

#include <algorithm>

#include <openssl/x509v3.h>

#include "core/crypto/x509.h"

namespace ringfence::core {
namespace {

/// Placement is a certificate that a store shall hold after a regeneration.
struct Placement {
  TrustStore store = TrustStore::call_manager;
  const CertificateFacts* certificate = nullptr;
};

std::vector<Placement> placements(Unit unit, const CertificateFacts* old,
                                  const CertificateFacts& fresh) {
  switch (unit) {
    case Unit::capf:
      return {{TrustStore::call_manager, old},
              {TrustStore::capf, old},
              {TrustStore::call_manager, &fresh},
              {TrustStore::capf, &fresh}};
    case Unit::call_manager:
      return {{TrustStore::phone_sast, old}, {TrustStore::call_manager, &fresh}};
    case Unit::call_manager_ecdsa: return {{TrustStore::call_manager, &fresh}};
    case Unit::itl_recovery: return {{TrustStore::phone_sast, old}};
    case Unit::tvs: return {};
  }
  return {};
}

std::optional<CertificateFacts> with_subject(std::span<const CertificateFacts> store,
                                             const std::string& subject) {
  const auto found = std::ranges::find(store, subject, &CertificateFacts::subject);
  if (found == store.end()) return std::nullopt;
  return *found;
}

}  // namespace

std::string_view name(TrustStore store) noexcept {
  switch (store) {
    case TrustStore::call_manager: return "CallManager-trust";
    case TrustStore::capf: return "CAPF-trust";
    case TrustStore::tvs: return "TVS-trust";
    case TrustStore::phone_sast: return "Phone-SAST-trust";
    case TrustStore::phone_vpn: return "Phone-VPN-trust";
    case TrustStore::phone: return "Phone-trust";
  }
  return "";
}

std::optional<TrustStore> trust_store_named(std::string_view word) noexcept {
  for (const TrustStore store : kTrustStores)
    if (word == name(store)) return store;
  return std::nullopt;
}

CertificateFacts certificate_facts_of(const X509& certificate) {
  // X509_check_ca caches what it parses in the certificate, hence wants it mutable.
  const X509Cert copy = parse_certificate(to_der(certificate));
  CertificateFacts facts;
  facts.subject = subject_of(certificate);
  facts.issuer = issuer_of(certificate);
  facts.serial = to_hex(serial_of(certificate), Case::upper);
  facts.not_before = not_before_of(certificate);
  facts.not_after = not_after_of(certificate);
  facts.kind =
      X509_check_ca(copy.get()) == 1 ? CertificateKind::authority : CertificateKind::end_entity;
  facts.der = to_der(certificate);
  return facts;
}

Admission admit(std::span<const CertificateFacts> store, const CertificateFacts& candidate) {
  const auto present = with_subject(store, candidate.subject);
  if (!present) return Admission::add;
  if (present->der == candidate.der) return Admission::known;
  return candidate.not_before > present->not_before ? Admission::replace : Admission::refuse;
}

std::vector<StoreChange> changes_on_regeneration(Unit unit,
                                                 const std::optional<CertificateFacts>& old,
                                                 const CertificateFacts& fresh,
                                                 const StoreContents& stores) {
  StoreContents after = stores;
  std::vector<StoreChange> changes;
  for (const Placement& place : placements(unit, old ? &*old : nullptr, fresh)) {
    if (place.certificate == nullptr) continue;
    const auto& store = after[place.store];
    const Admission admission = admit(store, *place.certificate);
    if (admission == Admission::known) continue;
    if (admission == Admission::refuse && place.certificate != &fresh) continue;
    changes.push_back(
        {place.store, *place.certificate, with_subject(store, place.certificate->subject)});
    apply({changes.back()}, after);
  }
  return changes;
}

void apply(const std::vector<StoreChange>& changes, StoreContents& stores) {
  for (const StoreChange& change : changes) {
    auto& store = stores[change.store];
    if (change.replaced) std::erase(store, *change.replaced);
    store.push_back(change.added);
  }
}

}  // namespace ringfence::core

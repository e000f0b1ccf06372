// The lists of trusted certificates, and what a regeneration does to each of them.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/types.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/certificates/unit.h"

namespace ringfence::core {

/// TrustStore is one list of trusted certificates, as CUCM names them (cucm-behaviour 1.6).
enum class TrustStore {
  call_manager,  ///< CAs of phones' LSCs and MICs, and peers of CallManager
  capf,          ///< what CAPF accepts from a phone that shows a certificate
  tvs,           ///< filled by hand only: regenerating TVS leaves no copy (1.7)
  phone_sast,    ///< further signers of ITL and CTL files that TVS vouches for
  phone_vpn,     ///< VPN gateways
  phone,         ///< handed to phones
};

inline constexpr std::array kTrustStores = {TrustStore::call_manager, TrustStore::capf,
                                            TrustStore::tvs,          TrustStore::phone_sast,
                                            TrustStore::phone_vpn,    TrustStore::phone};

/// name returns "CallManager-trust", "CAPF-trust", "TVS-trust", "Phone-SAST-trust",
/// "Phone-VPN-trust" or "Phone-trust".
std::string_view name(TrustStore store) noexcept;

/// trust_store_named accepts the exact word.
std::optional<TrustStore> trust_store_named(std::string_view word) noexcept;

/// CertificateKind tells a CA from everybody else, by basicConstraints.
enum class CertificateKind { authority, end_entity };

/// CertificateFacts is what the rules of stores look at.
struct CertificateFacts {
  std::string subject;  ///< in the form of trust lists
  std::string issuer;
  std::string serial;  ///< upper-case hexadecimal, as TVS looks it up
  Time not_before;
  Time not_after;
  CertificateKind kind = CertificateKind::end_entity;
  Bytes der;

  bool operator==(const CertificateFacts&) const = default;
};

CertificateFacts certificate_facts_of(const X509& certificate);

/// Admission is a store's answer to a certificate.
enum class Admission {
  add,      ///< nothing with this subject is there
  replace,  ///< it is newer than the one with its subject
  known,    ///< this very certificate is there already
  refuse,   ///< one with its subject and a notBefore that is not older is there
};

/// admit decides whether `store` takes `candidate`: one certificate a subject, the one with the
/// newer notBefore wins (cucm-behaviour 1.7).
Admission admit(std::span<const CertificateFacts> store, const CertificateFacts& candidate);

/// StoreContents is what each store holds; a store that is absent is empty.
using StoreContents = std::map<TrustStore, std::vector<CertificateFacts>>;

/// StoreChange puts a certificate into a store, in the place of another when `replaced` is set.
struct StoreChange {
  TrustStore store = TrustStore::call_manager;
  CertificateFacts added;
  std::optional<CertificateFacts> replaced;
};

/// changes_on_regeneration returns what the stores need when `unit` gets the certificate `fresh`
/// after `old` (nothing at the very first).
///
/// - CAPF: old and fresh are in CallManager-trust and CAPF-trust afterwards, so that LSCs of both
///   register and renew until an administrator deletes the old one.
/// - CallManager: fresh is in CallManager-trust; old goes to Phone-SAST-trust, so that TVS vouches
///   for files it signed. CallManager-ECDSA: the first half, since EC keys sign no files.
/// - ITLRecovery: old goes to Phone-SAST-trust.
/// - TVS: none.
///
/// What is there already is no change. A fresh certificate is never refused, also when it was
/// made in the same second as the one it replaces.
std::vector<StoreChange> changes_on_regeneration(Unit unit,
                                                 const std::optional<CertificateFacts>& old,
                                                 const CertificateFacts& fresh,
                                                 const StoreContents& stores);

/// apply makes the changes in `stores`.
void apply(const std::vector<StoreChange>& changes, StoreContents& stores);

}  // namespace ringfence::core

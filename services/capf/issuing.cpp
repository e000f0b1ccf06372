// From a phone's key to its certificate.
#include "services/capf/issuing.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "services/capf/asked_key.h"
#include "services/capf/public_key.h"

namespace ringfence::services::capf {
namespace {

using core::Code;
using core::Error;
using core::Level;
using core::OperationStatus;

}  // namespace

Issuing::Next Issuing::begin() const {
  const core::CapfPolicy policy = parts_.records.policy();
  const AskedKey key(phone_.capf, policy, version_);
  if (const auto fault = key.fault()) {
    parts_.witness.saw(fault->kind, fault->detail);
    return Failed{fault->status, Reason::no_action};
  }
  if (policy.issuer == core::LscIssuer::offline_ca)
    if (auto next = not_for_the_offline_ca()) return std::move(*next);
  if (auto next = resume(policy)) return std::move(*next);
  if (auto next = too_many()) return std::move(*next);
  return Ask{key.request()};
}

std::optional<Issuing::Next> Issuing::too_many() const {
  const std::string_view address = peer_.substr(0, peer_.rfind(':'));
  const std::int64_t request = phone_.capf.request;
  const core::Issues here = parts_.records.issues(phone_.name, request, address);
  const bool stranger = !place_.elsewhere.empty() && !place_.contested;
  if (here.count >= (stranger ? kMostElsewhere : kMostCertificates)) {
    parts_.witness.saw(
        evidence::kTooMany,
        fmt::format("{} LSCs were issued for this request to {}{}, and none was "
                    "confirmed as stored: ask anew when the cause is found",
                    here.count, address, stranger ? ", which is not the phone's address" : ""));
    return Failed{OperationStatus::failed, Reason::invalid_element};
  }
  const core::Issues all = parts_.records.issues(phone_.name, request, "");
  const bool many_here = here.count >= kAtOnce && recent(here);
  const bool shares = !place_.proves() && place_.standing != Standing::likely;
  if (many_here || (shares && all.count >= kMostUnproven && recent(all))) {
    parts_.witness.saw(evidence::kRetryLater,
                       fmt::format("{} LSCs were issued for this request and none was confirmed as "
                                   "stored: the next one has to wait",
                                   many_here ? here.count : all.count));
    return Later{};
  }
  return std::nullopt;
}

bool Issuing::recent(const core::Issues& issues) const {
  const core::Time now = parts_.clock.now();
  return issues.last && *issues.last <= now && *issues.last + kPause > now;
}

/// proof is the journal's word for what shows that it is the phone.
std::string Issuing::proof() const {
  if (phone_.capf.auth_mode != core::AuthMode::null_string && !place_.name_only)
    return std::string(word(phone_.capf.auth_mode));
  return std::string(place_.at_home ? core::IssuedCertificate::kByAddress
                                    : word(core::AuthMode::null_string));
}

/// not_its_own finds a key that somebody else has: whoever shows it does not hold it alone.
std::optional<AskedKey::Fault> Issuing::not_its_own(core::BytesView spki) const {
  const auto holder =
      parts_.records.key_holder(read_public_key(spki).hash, spki, phone_.name, parts_.clock.now());
  if (!holder) return std::nullopt;
  return AskedKey::Fault{OperationStatus::key_generation_failed, evidence::kWeakKey,
                         fmt::format("the phone sent the key of {}, not one of its own", *holder)};
}

/// is_its_own tells a key of the phone's that waits from one that somebody else may have brought.
bool Issuing::is_its_own(const core::PendingCsr& csr) const {
  if (!place_.counts()) return false;
  if (address_of(csr.peer) == address_of(peer_)) return true;
  const bool proven = !csr.proof.empty() && csr.proof != word(core::AuthMode::null_string);
  return proven && (place_.shown || place_.at_home);
}

/// not_for_the_offline_ca keeps strangers' keys from the CA, which signs whatever is there: there
/// is one for each phone. Where nothing is known of the phone the first who comes has brought it.
std::optional<Issuing::Next> Issuing::not_for_the_offline_ca() const {
  constexpr std::string_view kCure =
      "; if it is the phone, give it an authentication string, or let it show its LSC or MIC";
  if (!place_.counts()) {
    parts_.witness.saw(
        evidence::kAnsweredElsewhere,
        fmt::format(
            "a key for the offline CA was not taken from an address that is not known to be "
            "this phone's, which is known at {}{}",
            place_.elsewhere, kCure));
    return Unproven{};
  }
  const auto csr = parts_.records.csr(phone_.name);
  if (!csr || csr->request != phone_.capf.request || place_.shown || place_.at_home ||
      is_its_own(*csr))
    return std::nullopt;
  parts_.witness.saw(
      evidence::kAnsweredElsewhere,
      fmt::format(
          "a key for the offline CA was not taken: {} has brought one in this phone's name, "
          "and nothing shows which of the two is the phone{}",
          address_of(csr->peer), kCure));
  return Unproven{};
}

/// resume goes on where an earlier visit of the same request handed its key to an offline CA. A
/// phone that could not store the certificate has lost that key and starts over.
std::optional<Issuing::Next> Issuing::resume(const core::CapfPolicy& policy) const {
  const auto csr = parts_.records.csr(phone_.name);
  if (!csr || csr->request != phone_.capf.request || !is_its_own(*csr)) return std::nullopt;
  const auto last = parts_.records.outcome(phone_.name, phone_.capf.request);
  if (last && last->status == OperationStatus::failed) return std::nullopt;
  if (!csr->serial) {
    if (policy.issuer != core::LscIssuer::offline_ca) return std::nullopt;
    return Wait{};
  }
  auto certificate = parts_.records.certificate(*csr->serial);
  const bool usable = certificate && !certificate->deleted_at && !certificate->cleared_at &&
                      certificate->not_after > parts_.clock.now();
  if (!usable) return std::nullopt;
  return Store{std::move(*certificate)};
}

Issuing::Next Issuing::certify(core::BytesView spki) const {
  const core::CapfPolicy policy = parts_.records.policy();
  const AskedKey key(phone_.capf, policy, version_);
  auto fault = key.fault_of(spki);
  if (!fault) fault = not_its_own(spki);
  if (fault) return wrong_key(*fault);
  if (policy.issuer == core::LscIssuer::offline_ca)
    if (auto next = not_for_the_offline_ca()) return std::move(*next);
  try {
    if (policy.issuer == core::LscIssuer::offline_ca) return request(spki);
    return issue(spki, std::chrono::days(policy.validity_days));
  } catch (const Error& error) {
    if (error.code() != Code::malformed) throw;
    fault = not_its_own(spki);  // another session may have brought the key in the meantime
    if (!fault) throw;
  }
  return wrong_key(*fault);
}

Issuing::Next Issuing::wrong_key(const AskedKey::Fault& fault) const {
  core::log(Level::warning, "CAPF_WRONG_KEY",
            {{"device", phone_.name}, {"peer", std::string(peer_)}, {"why", fault.detail}});
  parts_.witness.saw(fault.kind, fault.detail);
  return Failed{fault.status, Reason::invalid_element};
}

Issuing::Next Issuing::request(core::BytesView spki) const {
  core::PendingCsr csr;
  csr.phone = phone_.name;
  csr.request = phone_.capf.request;
  csr.spki.assign(spki.begin(), spki.end());
  csr.key = describe(read_public_key(spki));
  csr.model = phone_.model;
  csr.peer = peer_;
  csr.proof = proof();
  csr.created = parts_.clock.now();
  parts_.records.requested(csr);
  core::log(Level::info, "CAPF_REQUESTED", {{"device", phone_.name}, {"key", csr.key}});
  return Wait{};
}

Issuing::Next Issuing::issue(core::BytesView spki, std::chrono::days validity) const {
  core::IssuedCertificate certificate;
  try {
    certificate = parts_.issuer.issue(phone_, spki, validity, parts_.clock.now());
  } catch (const Error& error) {
    return not_signed(error);
  }
  parts_.failures.worked(phone_.name);
  certificate.peer = peer_;
  certificate.elsewhere = place_.elsewhere;
  certificate.proof = proof();
  parts_.records.issued(certificate);
  core::log(Level::info, "CAPF_ISSUED",
            {{"device", phone_.name},
             {"serial", core::to_hex(certificate.serial)},
             {"key", certificate.key},
             {"issuer", certificate.issuer}});
  return Store{std::move(certificate)};
}

Issuing::Next Issuing::not_signed(const Error& error) const {
  core::log(Level::error, "CAPF_NOT_SIGNED",
            {{"device", phone_.name}, {"peer", std::string(peer_)}, {"error", error.what()}});
  switch (error.code()) {
    case Code::malformed:
      parts_.witness.saw(evidence::kWrongKey,
                         fmt::format("the phone's key cannot be certified: {}", error.what()));
      return Failed{OperationStatus::key_generation_failed, Reason::invalid_element};
    case Code::refused:
      parts_.witness.saw(evidence::kCaRejected, fmt::format("CAPF did not sign: {}", error.what()));
      return Failed{OperationStatus::ca_rejected, Reason::no_action};
    case Code::not_found:
    case Code::conflict:
    case Code::hsm_unavailable:
    case Code::hsm_locked:
    case Code::io:
    case Code::internal: break;
  }
  parts_.witness.saw(evidence::kRetryLater, fmt::format("CAPF cannot sign now: {}", error.what()));
  if (!parts_.failures.another(phone_.name, phone_.capf.request)) return Later{};
  return Failed{OperationStatus::ca_communication_failure, Reason::no_action};
}

}  // namespace ringfence::services::capf

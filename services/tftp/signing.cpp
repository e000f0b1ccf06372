#include "services/tftp/signing.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/crypto/digest.h"
#include "core/crypto/x509.h"
#include "core/phones/trust_sign.h"
#include "core/trust/trust_list.h"

namespace ringfence::services::tftp {
namespace {

using core::Code;
using core::Error;
using core::Role;

Signing signing(core::BytesView der, const core::KeyRef& key) {
  const std::string sha1 = core::to_hex(core::digest(core::Digest::sha1, der));
  return {{der.begin(), der.end()}, key, fmt::format("{} {}", key.version, sha1)};
}

/// question is what the answer depends on: our newest certificate, and the list that is served.
std::string question(const core::OwnCertificate& own, const Content* itl) {
  return signing(own.der, own.key).stamp + ' ' + (itl == nullptr ? "none" : itl->sha1);
}

/// lists_as_tftp tells whether phones believe what the record's certificate signs.
bool lists_as_tftp(const core::Record& record) {
  return (record.function == Role::tftp || record.function == Role::ccm_tftp) &&
         !record.certificate.empty();
}

}  // namespace

SigningChoice::SigningChoice(const core::CertificateStore& certificates, const core::Token& token)
    : certificates_(certificates), token_(token) {}

core::OwnCertificate SigningChoice::own() const {
  std::optional<core::OwnCertificate> own = certificates_.own(core::Unit::call_manager);
  if (!own) throw Error(Code::hsm_unavailable, "there is no CallManager certificate yet");
  return std::move(*own);
}

std::optional<Signing> SigningChoice::decided(const std::string& asked) {
  const std::lock_guard lock(mutex_);
  return asked == asked_ ? std::optional(chosen_) : std::nullopt;
}

std::optional<Signing> SigningChoice::known(const Content* itl) {
  return decided(question(own(), itl));
}

Signing SigningChoice::current(const Content* itl) {
  const core::OwnCertificate newest = own();
  const std::string asked = question(newest, itl);
  if (const auto answer = decided(asked)) return *answer;
  // Not under the lock: `known` must never wait for the signer. Two may decide, and decide alike.
  Signing chosen = choose(newest, itl);
  chosen.serial = core::serial_text(core::serial_of(*core::parse_certificate(chosen.der)));
  const std::lock_guard lock(mutex_);
  if (asked != asked_ && chosen.key != newest.key) {
    core::log(core::Level::notice, "TFTP_SIGNS_AS_LISTED",
              {{"key", fmt::format("{}/{}", chosen.key.label, chosen.key.version)},
               {"newest", std::to_string(newest.key.version)}});
  }
  asked_ = asked;
  chosen_ = chosen;
  return chosen;
}

Signing SigningChoice::choose(const core::OwnCertificate& own, const Content* itl) const {
  const Signing ours = signing(own.der, own.key);
  if (itl == nullptr) return ours;
  const core::TrustList list = core::parse_trust_list(itl->bytes);
  for (const core::Record& record : list.records)
    if (lists_as_tftp(record) && record.matches(own.der)) return ours;
  const std::vector<core::KeyRef> keys = token_.keys();
  for (const core::Record& record : list.records) {
    if (!lists_as_tftp(record)) continue;
    const core::X509Cert certificate = core::parse_certificate(record.certificate);
    for (const core::KeyRef& ref : keys) {
      if (ref.label != own.key.label || ref == own.key) continue;
      const core::EvpPkey key = token_.key(ref);
      if (EVP_PKEY_eq(X509_get0_pubkey(certificate.get()), key.get()) == 1) {
        return signing(record.certificate, ref);
      }
    }
  }
  return ours;
}

}  // namespace ringfence::services::tftp

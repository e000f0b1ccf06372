// The node's certificates and the ITL made of them: first start, regeneration, publishing, reset.
#pragma once

#include <optional>
#include <string>

#include "core/admin/api.h"
#include "core/certificates/unit.h"
#include "core/trust/trust_list.h"
#include "services/admin/house.h"
#include "services/admin/node_certificates.h"

namespace ringfence::services::admin {

/// TrustKeeper changes certificates and publishes trust lists. Safe from several threads: each
/// change holds the house's trust_mutex.
class TrustKeeper {
 public:
  explicit TrustKeeper(House& house) : house_(house) {}

  /// ensure_certificates gives every unit that has none a key and a certificate.
  void ensure_certificates();

  /// ensure_itl publishes the ITL of the current certificates, signed by the normal signer, unless
  /// the file on disk is just that already. Called before Cisco Tftp starts.
  void ensure_itl(const std::string& reason);

  /// refresh_itl is ensure_itl where phones wait for files: a list that is there already has to do
  /// while a new one cannot be signed. Throws when there is none.
  void refresh_itl(const std::string& reason);

  /// regenerate makes a new key and certificate for `unit`, updates the trust stores, and publishes
  /// the ITL. Returns the new ITL's SHA-1 (hex, lower case).
  ///
  /// The new list is built, signed, verified and on disk before anything changes; then certificate,
  /// trust stores and list version become the truth in one transaction, and a rename publishes. An
  /// Error before that leaves the old certificate and destroys the new key.
  std::string regenerate(core::Unit unit, const std::string& who);

  /// reset_localkey publishes the ITL signed by the recovery signer: from the certificates alone,
  /// whatever stands in the served file and whichever services run.
  core::admin::TrustListReset reset_localkey();

  /// show reads a published file from disk and checks it against our own certificates.
  core::admin::TrustListShow show(core::ListKind kind);

  /// served_itl_sha1 is the SHA-1 (hex) of the last published ITL, or "".
  std::string served_itl_sha1();

 private:
  void create(core::Unit unit);
  core::OwnCertificate make_certificate(core::Unit unit);
  void store(const core::OwnCertificate& fresh, const std::optional<core::OwnCertificate>& old);

  NodeCertificates current() const { return NodeCertificates(house_.certificates.all_own()); }

  /// prepare writes the list beside the served one; publish renames it into place and tells
  /// services.
  void prepare(const SignedList& list);
  void record(const SignedList& list, const std::string& reason);
  void publish(const SignedList& list, const std::string& reason);

  /// discard destroys a key that nothing needs; a key too many does no harm, so it never throws.
  void discard(const core::KeyRef& key) noexcept;

  /// retire_keys_before destroys the unit's keys older than `version`; the last one before it may
  /// still finish sessions that began with it.
  void retire_keys_before(core::Unit unit, std::uint32_t version) noexcept;

  House& house_;
};

/// tell_reload asks a service to reread what changed; a service that is down is told nothing.
void tell_reload(const core::Config& config, const Service& service);

}  // namespace ringfence::services::admin

// The node's certificates and the ITL made of them: first start, regeneration, publishing, reset.
#pragma once

#include <string>

#include "core/admin/api.h"
#include "core/certificates/unit.h"
#include "core/trust/trust_list.h"
#include "services/admin/house.h"

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

  /// regenerate makes a new key and certificate for `unit`, updates the trust stores, and publishes
  /// the ITL. Returns the new ITL's SHA-1 (hex, lower case). When something fails before the
  /// certificate is stored, the old certificate stays and the new key is destroyed.
  std::string regenerate(core::Unit unit, const std::string& who);

  /// reset_localkey publishes the ITL signed by the recovery signer: from the certificates alone,
  /// whatever stands in the served file and whichever services run.
  core::admin::TrustListReset reset_localkey(const std::string& who);

  /// show reads a published file from disk and checks it.
  core::admin::TrustListShow show(core::ListKind kind);

  /// served_itl_sha1 is the SHA-1 (hex) of the last published ITL, or "".
  std::string served_itl_sha1();

 private:
  enum class Signer { normal, recovery };

  void issue(core::Unit unit, const std::string& description);
  std::string publish_itl(Signer signer, const std::string& reason);
  /// Destroys the unit's keys older than `version`; the last one before it may still finish
  /// sessions that began with it.
  void retire_keys_before(core::Unit unit, std::uint32_t version);

  House& house_;
};

/// tell asks a service to reread what changed; a service that is down is told nothing.
void tell_reload(const core::Config& config, const Service& service);

}  // namespace ringfence::services::admin

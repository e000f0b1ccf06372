// The keys of this node's units in the token: new ones, and those that nothing names any more.
#pragma once

#include "core/base/clock.h"
#include "core/certificates/certificate_store.h"
#include "core/certificates/csr_store.h"
#include "core/certificates/unit.h"
#include "core/config/config.h"
#include "core/crypto/token.h"
#include "core/storage/database.h"

namespace ringfence::services::admin {

/// UnitKeys makes keys with their certificates and requests, and destroys keys. A key that a
/// certificate or a request names, or may name, is never destroyed: a key too many does no harm.
/// Safe from several threads.
class UnitKeys {
 public:
  /// `admin` is admin.db. All must outlive it.
  UnitKeys(const core::Config& config, core::Database& admin, core::Token& token,
           const core::Clock& clock)
      : config_(config), admin_(admin), token_(token), clock_(clock) {}

  /// make_certificate makes a new key and its self-signed certificate, make_request a new key and
  /// its CSR. What fails leaves no key. Throws what the signer answers.
  core::OwnCertificate make_certificate(core::Unit unit);
  core::PendingRequest make_request(core::Unit unit);

  /// discard destroys a key that nothing names. Never throws: what stays is logged.
  void discard(const core::KeyRef& key) noexcept;

  /// retire destroys the unit's keys but the one in use, that of the pending request, and
  /// `previous`, which may still finish sessions that began with it. Never throws.
  void retire(core::Unit unit, const core::KeyRef& previous) noexcept;

 private:
  bool named(const core::KeyRef& key);  ///< by a certificate or a request; throws when unknown

  const core::Config& config_;
  core::Database& admin_;
  core::Token& token_;
  const core::Clock& clock_;
};

}  // namespace ringfence::services::admin

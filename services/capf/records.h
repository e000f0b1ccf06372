// What a session reads of the world, and what it makes last.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/certificates/anchors.h"
#include "core/phones/attempt_store.h"
#include "core/phones/capf_policy.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/phone.h"
#include "core/phones/trust_sign.h"
#include "services/capf/protocol.h"
#include "services/capf/whereabouts.h"

namespace ringfence::services::capf {

/// Records is where a session reads what is asked of a phone and writes what became of it.
///
/// A writing call is on disk when it returns, unless it says otherwise. Calls block and throw
/// core::Error; they come from several threads.
class Records {
 public:
  Records() = default;
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;
  virtual ~Records() = default;

  virtual std::optional<core::Phone> phone(std::string_view name) = 0;
  virtual core::CapfPolicy policy() = 0;
  virtual std::shared_ptr<const core::Anchors> anchors() = 0;  ///< CAPF-trust
  virtual std::optional<core::Outcome> outcome(std::string_view phone, std::int64_t request) = 0;
  virtual std::optional<core::IssuedCertificate> held(std::string_view phone) = 0;
  /// held_proven is the last one that the phone confirmed and that proves it (proves_phone).
  virtual std::optional<core::IssuedCertificate> held_proven(std::string_view phone) = 0;
  /// maybe_overwritten tells that an LSC which may have gone to somebody else was confirmed since
  /// the phone confirmed the one that it holds: a phone that moved has that one no more.
  virtual bool maybe_overwritten(std::string_view phone) = 0;

  /// issued and requested throw Error{malformed} for a key that another device has by now.
  virtual void issued(const core::IssuedCertificate& certificate) = 0;
  /// delivered is on disk soon: what it says is told again by the phone's confirmation.
  virtual void delivered(core::BytesView serial, core::Time at) = 0;
  /// confirmed: `elsewhere` is where the phone is known, when its word came from another address,
  /// or "".
  virtual void confirmed(core::BytesView serial, core::Time at, const std::string& elsewhere) = 0;
  virtual void removed(std::string_view phone, std::int64_t request, core::Time at) = 0;
  virtual void finished(const core::Outcome& outcome) = 0;
  /// fetched keeps a certificate that the phone showed for troubleshooting; throws
  /// Error{malformed} for what is none.
  virtual void fetched(std::string_view phone, CertificateKind kind, core::BytesView der) = 0;

  /// requested keeps a key for an offline CA, in the place of the phone's earlier one.
  virtual void requested(const core::PendingCsr& csr) = 0;
  virtual std::optional<core::PendingCsr> csr(std::string_view phone) = 0;
  /// certificate returns what was issued under `serial`: what an offline CA's import brought.
  virtual std::optional<core::IssuedCertificate> certificate(core::BytesView serial) = 0;

  /// issues counts what a request has brought so far, to one address or, without any, to all.
  virtual core::Issues issues(std::string_view phone, std::int64_t request,
                              std::string_view address) = 0;
  /// key_holder says whose key that is, when it is not this phone's alone: "SEP…" or "this node's
  /// CAPF". `hash` is of public_key.
  virtual std::optional<std::string> key_holder(std::string_view hash, core::BytesView spki,
                                                std::string_view phone, core::Time now) = 0;
  /// showed corrects what the journal believes by the LSC that the phone shows; empty for none.
  /// Returns whether it is one of this journal's, or none.
  virtual bool showed(std::string_view phone, core::BytesView der, core::Time now) = 0;
  virtual Whereabouts whereabouts(std::string_view phone) = 0;

  /// attempts and save_attempts are AttemptStore's `of` and `save`.
  virtual std::vector<core::Attempts> attempts(std::string_view phone) = 0;
  virtual void save_attempts(const std::vector<core::Attempts>& rows, core::Time forget) = 0;

  /// happened keeps evidence for an administrator, on disk soon; what is_security also for the
  /// audit log, on disk when it returns. Never throws: what cannot be kept is logged.
  virtual void happened(const core::CapfEvent& event) noexcept = 0;

  /// saw keeps what shows which certificates and lists a phone believes; on disk soon.
  virtual void saw(const core::TrustSign& sign) noexcept { static_cast<void>(sign); }
};

}  // namespace ringfence::services::capf

// A session's records in the databases: phones of admin.db, the journal in capf.db.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "core/phones/enrolment_store.h"
#include "core/phones/phone_store.h"
#include "core/phones/security_event_store.h"
#include "core/phones/trust_sign_log.h"
#include "core/storage/cached.h"
#include "core/storage/write_group.h"
#include "services/capf/known_addresses.h"
#include "services/capf/own_keys.h"
#include "services/capf/records.h"
#include "services/capf/trust.h"

namespace ringfence::services::capf {

/// StoredRecords is Records on disk. Safe from several threads.
///
/// Writes of all sessions share transactions (core::WriteGroup); reads go by a connection of their
/// own, so that they wait for no commit, and see what was written as soon as the call returned.
class StoredRecords final : public Records {
 public:
  /// `admin` and `secrets` (read-only) and `capf` must outlive it. Certificates that phones show
  /// for troubleshooting become "<device>-LSC.pem" and "<device>-MIC.pem" in `trace_folder`, which
  /// is made when needed. `neighbours` are where phones were seen by other daemons.
  StoredRecords(core::Database& admin, core::Database& secrets, core::Database& capf,
                std::filesystem::path trace_folder, const KnownAddresses::Files& neighbours = {});

  std::optional<core::Phone> phone(std::string_view name) override;
  core::CapfPolicy policy() override;
  std::shared_ptr<const core::Anchors> anchors() override;
  std::optional<core::Outcome> outcome(std::string_view phone, std::int64_t request) override;
  std::optional<core::IssuedCertificate> held(std::string_view phone) override;
  std::optional<core::IssuedCertificate> held_proven(std::string_view phone) override;
  bool maybe_overwritten(std::string_view phone) override;
  void issued(const core::IssuedCertificate& certificate) override;
  void delivered(core::BytesView serial, core::Time at) override;
  void confirmed(core::BytesView serial, core::Time at, const std::string& elsewhere) override;
  void removed(std::string_view phone, std::int64_t request, core::Time at) override;
  void finished(const core::Outcome& outcome) override;
  void fetched(std::string_view phone, CertificateKind kind, core::BytesView der) override;
  void requested(const core::PendingCsr& csr) override;
  std::optional<core::PendingCsr> csr(std::string_view phone) override;
  std::optional<core::IssuedCertificate> certificate(core::BytesView serial) override;
  core::Issues issues(std::string_view phone, std::int64_t request,
                      std::string_view address) override;
  std::optional<std::string> key_holder(std::string_view hash, core::BytesView spki,
                                        std::string_view phone, core::Time now) override;
  bool showed(std::string_view phone, core::BytesView der, core::Time now) override;
  Whereabouts whereabouts(std::string_view phone) override;
  std::vector<core::Attempts> attempts(std::string_view phone) override;
  void save_attempts(const std::vector<core::Attempts>& rows, core::Time forget) override;
  void happened(const core::CapfEvent& event) noexcept override;
  void saw(const core::TrustSign& sign) noexcept override;

  /// note_keys notes the keys of certificates that were issued before they were noted; call it once
  /// before phones come.
  void note_keys();

  /// flush_security writes down security events that came too fast and were counted.
  void flush_security(core::Time now) noexcept;

  /// prune_outcomes and prune_security are those of the stores (see Pruner::Step).
  std::size_t prune_outcomes(core::Time before, std::size_t most) {
    return journal_.prune_outcomes(before, most);
  }

  std::size_t prune_security(core::Time before, std::int64_t audited, std::size_t most) {
    return security_.prune(before, audited, most);
  }

  /// flush returns when all that was written or queued before is on disk.
  void flush() { group_.flush(); }

  /// group is how the sessions write: for whoever else of this program writes much to capf.db.
  core::WriteGroup& group() noexcept { return group_; }

  /// How many pieces of work were written in how many transactions, since the start.
  core::WriteGroup::Counts written() const { return group_.counts(); }

  /// How many certificates were issued, and how many requests failed, since the start.
  std::uint64_t issued_count() const noexcept { return issued_; }

  std::uint64_t failed_count() const noexcept { return failed_; }

 private:
  bool lives_there(std::string_view phone, const std::string& address, const Whereabouts& found);

  core::Database& admin_;
  core::Database& writer_;
  core::PhoneStore phones_;
  Trust trust_;
  core::Cached<core::CapfPolicy> policy_;
  core::Database reader_;
  core::EnrolmentStore seen_;  ///< for reading
  core::WriteGroup group_;
  core::EnrolmentStore journal_;  ///< for writing
  core::TrustSignLog signs_;
  core::AttemptStore attempts_;
  core::SecurityEventStore security_;
  KnownAddresses neighbours_;
  OwnKeys own_keys_;
  const std::filesystem::path trace_folder_;
  std::atomic<std::uint64_t> issued_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
};

}  // namespace ringfence::services::capf

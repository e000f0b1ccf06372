// What CAPF did: sessions, certificates issued, delivered, confirmed. capf.db, written by
// ringfence-capf alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/phones/issued_certificate.h"
#include "core/phones/outcome.h"
#include "core/storage/write_group.h"

namespace ringfence::core {

/// CapfEvent is something a phone did or was refused: evidence for `show capf status`.
struct CapfEvent {
  std::int64_t id = 0;  ///< grows; given by the store
  Time at;
  std::string phone;
  std::string peer;
  std::string kind;          ///< a word of services/capf: "auth_string_refused" …
  std::string detail;        ///< a sentence without secrets, at most 500 bytes
  std::int64_t request = 0;  ///< of the phone when it happened; 0 where it was not noted
};

/// EnrolmentStore keeps the journal. Each writing call is committed, and on disk, when it returns;
/// with a group, `delivered` and `happened` are on disk soon, never before what was written
/// earlier, and what goes wrong with them is logged. Safe from several threads. Errors: `io`,
/// `malformed` (a row that cannot be), and what is said beside a call.
class EnrolmentStore {
 public:
  /// `database` is capf.db and must outlive the store; the reading calls work read-only too.
  explicit EnrolmentStore(Database& database) : database_(database) {}

  /// Writes through `group`, which is of `database` and must outlive the store.
  EnrolmentStore(Database& database, WriteGroup& group) : database_(database), group_(&group) {}

  /// issued records a certificate before it leaves; a serial twice is Error{conflict}, a key that
  /// another device has Error{malformed}.
  void issued(const IssuedCertificate& certificate);
  /// delivered notes that the phone was sent the certificate; Error{not_found} for no such serial.
  void delivered(BytesView serial, Time at);
  /// confirmed marks the certificate as held by the phone and its request as success, and forgets
  /// the CSR it was imported for, together. One that went_elsewhere, or whose confirmation comes
  /// from there (`elsewhere`: where the phone is known, or "") and that is not proven by more than
  /// an address, is not the phone's: what the phone holds and its CSR stay, the request is
  /// unproven, unless success it is. Error{not_found} for no such serial.
  void confirmed(BytesView serial, Time at, const std::string& elsewhere = "");
  /// finished records the outcome of a request that issued nothing, or failed. The last one counts,
  /// but a success stays. An unproven one is somebody's who may not be the phone: it replaces no
  /// failure that came from another address, nor counts while a CSR of the request waits for its
  /// CA.
  void finished(const Outcome& outcome);
  /// removed marks the phone's confirmed certificates as deleted and the request as success.
  void removed(std::string_view phone, std::int64_t request, Time at);
  /// clear_stale takes certificates off the list of stale ones, those of `phone` or all; returns
  /// how many. Their rows stay. One whose operation may still confirm it is not stale.
  std::size_t clear_stale(const std::optional<std::string>& phone, Time at);
  /// showed corrects what is believed by the LSC that the phone shows, nothing for none: it holds
  /// the one of the journal that this is, and what it does not show it does not have.
  void showed(std::string_view phone, const std::optional<IssuedCertificate>& lsc, Time at);

  /// requested keeps the phone's key for an offline CA, in the place of an earlier one, and forgets
  /// how an earlier attempt of the same request failed: it is pending again. Error{malformed} for a
  /// key that is in another device's CSR.
  void requested(const PendingCsr& csr);
  /// imported records an offline CA's certificate as issued and notes its serial in the phone's
  /// CSR, together. Error{conflict}: the serial was issued before, or the CSR is another by now.
  void imported(const IssuedCertificate& certificate, BytesView spki);
  /// remove_csr forgets the phone's; false when there was none.
  bool remove_csr(std::string_view phone);

  /// happened keeps an event and forgets the phone's oldest above kEventsKept.
  void happened(const CapfEvent& event);
  static constexpr int kEventsKept = 50;

  std::optional<Outcome> outcome(std::string_view phone, std::int64_t request) const;
  /// held returns the phone's last confirmed certificate that was not deleted, nor found missing.
  std::optional<IssuedCertificate> held(std::string_view phone) const;
  /// held_proven is the same among those of which proves_phone holds.
  std::optional<IssuedCertificate> held_proven(std::string_view phone) const;
  /// maybe_overwritten tells that a certificate which went_elsewhere was issued and confirmed after
  /// the one that `held` returns was: if it was the phone that moved, it has that one no more.
  bool maybe_overwritten(std::string_view phone) const;
  /// stale returns what was issued, never confirmed and not cleared, the oldest first; with the
  /// time of now, without what may still be confirmed: issued within the last kUnderWay, in which
  /// a session may be storing it, or waiting in a CSR.
  std::vector<IssuedCertificate> stale(std::optional<Time> now = std::nullopt) const;
  static constexpr std::chrono::minutes kUnderWay{2};
  std::optional<IssuedCertificate> certificate(BytesView serial) const;
  /// issues counts the certificates of a request that went to an address, as it stands in `peer`
  /// before the port; where it is "", all.
  Issues issues(std::string_view phone, std::int64_t request, std::string_view address) const;
  /// key_holder returns another device than `phone` whose LSC, or CSR, is for that key: `key_hash`
  /// is as in IssuedCertificate. LSCs that were deleted, cleared or have expired do not count.
  std::optional<std::string> key_holder(std::string_view key_hash, BytesView spki,
                                        std::string_view phone, Time now) const;
  /// without_key_hash returns up to `count` certificates whose key was never noted; note_key_hash
  /// notes it.
  std::vector<IssuedCertificate> without_key_hash(std::size_t count) const;
  void note_key_hash(BytesView serial, const std::string& key_hash);
  std::optional<PendingCsr> csr(std::string_view phone) const;
  std::vector<PendingCsr> csrs() const;                         ///< by phone
  std::vector<CapfEvent> events(std::string_view phone) const;  ///< newest first
  /// last_outcomes returns those of the phone's last requests, by request.
  std::vector<Outcome> last_outcomes(std::string_view phone, std::size_t count) const;

  /// prune_outcomes takes away at most `most` of those recorded before `before`, but the one of
  /// each phone's last request; returns how many.
  std::size_t prune_outcomes(Time before, std::size_t most);

 private:
  template <typename Work>
  auto write(const Work& work) {
    return group_ == nullptr ? database_.write(work) : group_->write(work);
  }

  void later(std::string_view event_id, WriteGroup::Work work);

  Database& database_;
  WriteGroup* group_ = nullptr;
};

}  // namespace ringfence::core

// A session's records in the databases.
#include "services/capf/stored_records.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/crypto/x509.h"
#include "core/phones/holding_store.h"
#include "services/capf/evidence.h"
#include "services/capf/public_key.h"

namespace ringfence::services::capf {

StoredRecords::StoredRecords(core::Database& admin, core::Database& secrets, core::Database& capf,
                             std::filesystem::path trace_folder,
                             const KnownAddresses::Files& neighbours)
    : admin_(admin),
      writer_(capf),
      phones_(admin, secrets),
      trust_(admin),
      policy_(
          admin,
          [&admin] {
            return std::make_shared<const core::CapfPolicy>(core::CapfPolicyStore(admin).load());
          }),
      reader_(core::Database::Beside{capf}),
      seen_(reader_),
      group_(capf),
      journal_(capf, group_),
      signs_(capf, group_),
      attempts_(reader_, capf, group_),
      security_(capf, group_),
      neighbours_(neighbours),
      own_keys_(admin),
      trace_folder_(std::move(trace_folder)) {}

std::optional<core::Phone> StoredRecords::phone(std::string_view name) {
  return phones_.find(name);
}

core::CapfPolicy StoredRecords::policy() {
  return *policy_.get();
}

std::shared_ptr<const core::Anchors> StoredRecords::anchors() {
  return trust_.anchors();
}

std::optional<core::Outcome> StoredRecords::outcome(std::string_view phone, std::int64_t request) {
  return seen_.outcome(phone, request);
}

std::optional<core::IssuedCertificate> StoredRecords::held(std::string_view phone) {
  return seen_.held(phone);
}

std::optional<core::IssuedCertificate> StoredRecords::held_proven(std::string_view phone) {
  return seen_.held_proven(phone);
}

bool StoredRecords::maybe_overwritten(std::string_view phone) {
  return seen_.maybe_overwritten(phone);
}

void StoredRecords::issued(const core::IssuedCertificate& certificate) {
  journal_.issued(certificate);
  ++issued_;
}

void StoredRecords::delivered(core::BytesView serial, core::Time at) {
  journal_.delivered(serial, at);
}

void StoredRecords::confirmed(core::BytesView serial, core::Time at, const std::string& elsewhere) {
  journal_.confirmed(serial, at, elsewhere);
}

void StoredRecords::removed(std::string_view phone, std::int64_t request, core::Time at) {
  journal_.removed(phone, request, at);
}

void StoredRecords::finished(const core::Outcome& outcome) {
  journal_.finished(outcome);
  if (outcome.status != core::OperationStatus::success) ++failed_;
}

void StoredRecords::fetched(std::string_view phone, CertificateKind kind, core::BytesView der) {
  const core::X509Cert certificate = core::parse_certificate(der);
  const std::string pem = core::to_pem(*certificate);
  // The name was found among the phones, so it has no path in it.
  const std::string file =
      fmt::format("{}-{}.pem", phone, kind == CertificateKind::lsc ? "LSC" : "MIC");
  std::error_code failed;
  std::filesystem::create_directories(trace_folder_, failed);
  if (failed) {
    throw core::Error(core::Code::io, fmt::format("cannot make the folder {}: {}",
                                                  trace_folder_.string(), failed.message()));
  }
  core::write_atomically(trace_folder_ / file, core::bytes_of(pem));
}

void StoredRecords::requested(const core::PendingCsr& csr) {
  journal_.requested(csr);
}

std::optional<core::PendingCsr> StoredRecords::csr(std::string_view phone) {
  return seen_.csr(phone);
}

std::optional<core::IssuedCertificate> StoredRecords::certificate(core::BytesView serial) {
  return seen_.certificate(serial);
}

core::Issues StoredRecords::issues(std::string_view phone, std::int64_t request,
                                   std::string_view address) {
  return seen_.issues(phone, request, address);
}

std::optional<std::string> StoredRecords::key_holder(std::string_view hash, core::BytesView spki,
                                                     std::string_view phone, core::Time now) {
  if (auto unit = own_keys_.holder(hash)) return unit;
  return seen_.key_holder(hash, spki, phone, now);
}

bool StoredRecords::showed(std::string_view phone, core::BytesView der, core::Time now) {
  if (der.empty()) {
    journal_.showed(phone, std::nullopt, now);
    return true;
  }
  const core::X509Cert certificate = core::parse_certificate(der);
  core::IssuedCertificate shown;
  shown.der.assign(der.begin(), der.end());
  shown.serial = core::serial_of(*certificate);
  shown.subject = core::subject_of(*certificate);
  shown.issuer = core::issuer_of(*certificate);
  journal_.showed(phone, shown, now);
  const auto known = seen_.certificate(shown.serial);
  return known && known->der == shown.der && known->phone == phone;
}

/// lives_there tells that an address which nothing proves is the phone's home still: not when the
/// phone was not seen there for long and registers from one other address alone.
bool StoredRecords::lives_there(std::string_view phone, const std::string& address,
                                const Whereabouts& found) {
  if (found.registered.size() != 1 || found.registered.front() == address) return true;
  return !neighbours_.away(phone, address, core::sign_time());
}

Whereabouts StoredRecords::whereabouts(std::string_view phone) {
  Whereabouts found = neighbours_.of(phone);
  // The newest proof that this CAPF saw; the ledger remembers it when capf.db was lost.
  const core::TrustSignStore signs(reader_);
  if (const auto proof = signs.last(phone, core::TrustSignKind::identified)) {
    add_address(found.proven, proof->peer);
    return found;
  }
  const auto holding = core::HoldingStore(admin_).find(phone);
  if (holding && holding->address_proof == core::AddressProof::identified)
    add_address(found.proven, holding->peer);
  const bool registered = holding && holding->address_proof == core::AddressProof::registered;
  if (registered && holding->sha1.empty()) add_address(found.registered, holding->peer);
  const auto lsc = seen_.held_proven(phone);
  if (lsc && !lsc->proof.empty() &&
      (lsc->proof != core::IssuedCertificate::kByAddress ||
       lives_there(phone, core::address_text(lsc->peer), found)))
    add_address(found.home, lsc->peer);
  if (registered && !holding->sha1.empty() && found.home.empty() &&
      lives_there(phone, core::address_text(holding->peer), found))
    add_address(found.home, holding->peer);
  return found;
}

std::vector<core::Attempts> StoredRecords::attempts(std::string_view phone) {
  return attempts_.of(phone);
}

void StoredRecords::save_attempts(const std::vector<core::Attempts>& rows, core::Time forget) {
  attempts_.save(rows, forget);
}

void StoredRecords::note_keys() {
  constexpr std::size_t kBatch = 500;
  constexpr const char* kUnreadable = "-";
  for (;;) {
    const std::vector<core::IssuedCertificate> rows = seen_.without_key_hash(kBatch);
    if (rows.empty()) return;
    group_.write([&](soci::session& /*sql*/) {
      core::EnrolmentStore direct(writer_);
      for (const core::IssuedCertificate& row : rows) {
        std::string hash = kUnreadable;
        try {
          hash = read_public_key(core::spki_of(*core::parse_certificate(row.der))).hash;
        } catch (const core::Error&) {  // a key that nobody can bring again
        }
        direct.note_key_hash(row.serial, hash);
      }
    });
  }
}

void StoredRecords::flush_security(core::Time now) noexcept {
  try {
    security_.flush(now);
  } catch (const std::exception& error) {
    core::log(core::Level::error, "CAPF_EVENT_NOT_RECORDED", {{"error", error.what()}});
  }
}

void StoredRecords::happened(const core::CapfEvent& event) noexcept {
  try {
    if (evidence::is_security(event.kind)) security_.add(event);
    journal_.happened(event);
  } catch (const std::exception& error) {
    core::log(core::Level::error, "CAPF_EVENT_NOT_RECORDED",
              {{"device", event.phone}, {"event", event.kind}, {"error", error.what()}});
  }
}

void StoredRecords::saw(const core::TrustSign& sign) noexcept {
  try {
    signs_.add(sign);
  } catch (const std::exception& error) {  // without memory: the phone is served all the same
    core::log(core::Level::error, "TRUST_SIGNS_LOST", {{"why", error.what()}});
  }
}

}  // namespace ringfence::services::capf

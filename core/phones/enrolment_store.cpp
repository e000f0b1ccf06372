// The journal of CAPF, and CUCM's words for it.
#include "core/phones/enrolment_store.h"

#include <array>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/phones/trust_sign.h"
#include "core/storage/columns.h"

namespace ringfence::core {
namespace {

struct StatusWords {
  OperationStatus status;
  std::string_view word;
  std::string_view reason;  ///< what CUCM says behind "Upgrade Failed: "
};

constexpr std::array<StatusWords, 15> kStatuses = {{
    {OperationStatus::none, "none", ""},
    {OperationStatus::pending, "pending", ""},
    {OperationStatus::success, "success", ""},
    {OperationStatus::failed, "failed", ""},
    {OperationStatus::invalid_lsc, "invalid_lsc", "Invalid LSC"},
    {OperationStatus::invalid_auth_string, "invalid_auth_string", "Invalid Authentication String"},
    {OperationStatus::invalid_mic, "invalid_mic", "Invalid MIC"},
    {OperationStatus::invalid_credentials, "invalid_credentials", "Invalid Credentials"},
    {OperationStatus::communication_failure, "communication_failure",
     "Phone Communication Failure"},
    {OperationStatus::key_generation_failed, "key_generation_failed",
     "Key Generation Failed/Timeout"},
    {OperationStatus::ca_communication_failure, "ca_communication_failure",
     "CA Communication Failure"},
    {OperationStatus::ca_rejected, "ca_rejected", "CA Rejected Connection"},
    {OperationStatus::late, "late", "User Initiated Request Late/Timedout"},
    {OperationStatus::ec_unsupported, "ec_unsupported", "No Support for EC only in CAPF version 3"},
    {OperationStatus::unproven, "unproven", "at an address that is not known to be the phone's"},
}};

std::string_view reason(OperationStatus status) noexcept {
  for (const auto& entry : kStatuses)
    if (entry.status == status) return entry.reason;
  return "";
}

constexpr std::string_view kSelectIssued =
    "select phone, request, serial, subject, issuer, der, key, not_after, issued_at, delivered_at,"
    " confirmed_at, deleted_at, cleared_at, missing_at, sequence, key_hash, peer, elsewhere, proof"
    " from issued ";
constexpr std::string_view kSelectOutcome =
    "select phone, request, operation, status, at, peer from outcome ";
constexpr std::string_view kSelectCsr =
    "select phone, request, spki, key, model, peer, proof, created, serial from csr ";
constexpr std::string_view kSelectEvent =
    "select id, at, phone, peer, kind, detail, request from event ";

/// Which of a phone's certificates is the last one that it said it holds; it may be missing.
constexpr std::string_view kLastHeld =
    "where held_sequence is not null and deleted_at is null and phone = :phone"
    " order by held_sequence desc limit 1";
/// As proves_phone has it.
constexpr std::string_view kLastProven =
    "where held_sequence is not null and deleted_at is null and phone = :phone"
    " and proof <> 'null-string' and (proof <> '' or elsewhere = '')"
    " order by held_sequence desc limit 1";

/// What was issued and never confirmed; behind it, that nothing can confirm it any more: an
/// imported certificate waits in its CSR, one that just left is being stored.
constexpr std::string_view kUnconfirmed = "confirmed_at is null and cleared_at is null";
constexpr std::string_view kNotUnderWay =
    " and (issued_at <= :latest or issued_at > :now)"  // the clock was set back: it is no news
    " and serial not in (select serial from csr where serial is not null)";

/// issued_rows runs `statement` behind the select of certificates, with the keys that it binds.
template <typename... Keys>
std::vector<IssuedCertificate> issued_rows(Database& database, std::string_view statement,
                                           const Keys&... keys) {
  IssuedCertificate row;
  long long request = 0;
  std::string serial;
  std::string der;
  Database::Prepared select(database, std::string(kSelectIssued) + std::string(statement));
  select.into(row.phone).into(request).into(serial).into(row.subject).into(row.issuer).into(der);
  select.into(row.key).into(row.not_after).into(row.issued_at).into(row.delivered_at);
  select.into(row.confirmed_at).into(row.deleted_at).into(row.cleared_at).into(row.missing_at);
  long long sequence = 0;
  select.into(sequence).into(row.key_hash).into(row.peer).into(row.elsewhere);
  select.into(row.proof);
  (select.use(keys), ...);
  std::vector<IssuedCertificate> rows;
  for (bool more = select.execute(); more; more = select.fetch()) {
    row.request = request;
    row.sequence = sequence;
    row.serial = from_hex(serial);
    row.der = from_hex(der);
    rows.push_back(row);
  }
  return rows;
}

/// outcome_rows does the same for outcomes.
template <typename... Keys>
std::vector<Outcome> outcome_rows(Database& database, std::string_view statement,
                                  const Keys&... keys) {
  Outcome row;
  long long request = 0;
  std::string operation;
  std::string status;
  Database::Prepared select(database, std::string(kSelectOutcome) + std::string(statement));
  select.into(row.phone).into(request).into(operation).into(status).into(row.at);
  select.into(row.peer);
  (select.use(keys), ...);
  std::vector<Outcome> rows;
  for (bool more = select.execute(); more; more = select.fetch()) {
    row.request = request;
    row.operation = operation_from(operation);
    row.status = operation_status_from(status);
    rows.push_back(row);
  }
  return rows;
}

/// csr_rows does the same for CSRs.
template <typename... Keys>
std::vector<PendingCsr> csr_rows(Database& database, std::string_view statement,
                                 const Keys&... keys) {
  PendingCsr row;
  long long request = 0;
  std::string spki;
  std::string serial;
  soci::indicator has_serial = soci::i_null;
  Database::Prepared select(database, std::string(kSelectCsr) + std::string(statement));
  select.into(row.phone).into(request).into(spki).into(row.key).into(row.model).into(row.peer);
  select.into(row.proof).into(row.created).into(serial, has_serial);
  (select.use(keys), ...);
  std::vector<PendingCsr> rows;
  for (bool more = select.execute(); more; more = select.fetch()) {
    row.request = request;
    row.spki = from_hex(spki);
    row.serial.reset();
    if (has_serial == soci::i_ok) row.serial = from_hex(serial);
    rows.push_back(row);
  }
  return rows;
}

/// event_rows does the same for events.
template <typename... Keys>
std::vector<CapfEvent> event_rows(Database& database, std::string_view statement,
                                  const Keys&... keys) {
  CapfEvent row;
  long long id = 0;
  long long request = 0;
  Database::Prepared select(database, std::string(kSelectEvent) + std::string(statement));
  select.into(id).into(row.at).into(row.phone).into(row.peer).into(row.kind).into(row.detail);
  select.into(request);
  (select.use(keys), ...);
  std::vector<CapfEvent> rows;
  for (bool more = select.execute(); more; more = select.fetch()) {
    row.id = id;
    row.request = request;
    rows.push_back(row);
  }
  return rows;
}

template <typename Row>
std::optional<Row> first(std::vector<Row> rows) {
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

/// next_number counts one on: what gets it comes after all that has one.
long long next_number(Database& database) {
  Database::Prepared(database, "update journal_number set last = last + 1").execute();
  long long number = 0;
  Database::Prepared(database, "select last from journal_number").into(number).execute();
  return number;
}

/// mark_held makes the certificate the one that its phone holds now.
void mark_held(Database& database, const std::string& serial, Time at) {
  const long long number = next_number(database);
  Database::Prepared(database,
                     "update issued set confirmed_at = :at, held_sequence = :number,"
                     " missing_at = null where serial = :serial")
      .use(at)
      .use(number)
      .use(serial)
      .execute();
}

std::optional<std::string> find_key_holder(Database& database, const std::string& key_hash,
                                           const std::string& spki, const std::string& phone,
                                           Time now) {
  std::string holder;
  if (!key_hash.empty() &&
      Database::Prepared(database,
                         "select phone from issued where key_hash = :hash and key_hash <> ''"
                         " and phone <> :phone and deleted_at is null and cleared_at is null"
                         " and not_after > :now limit 1")
          .into(holder)
          .use(key_hash)
          .use(phone)
          .use(now)
          .execute())
    return holder;
  if (!spki.empty() &&
      Database::Prepared(database,
                         "select phone from csr where spki = :spki and phone <> :phone limit 1")
          .into(holder)
          .use(spki)
          .use(phone)
          .execute())
    return holder;
  return std::nullopt;
}

std::optional<IssuedCertificate> find_held(Database& database, const std::string& phone) {
  auto last = first(issued_rows(database, kLastHeld, phone));
  if (last && last->missing_at) return std::nullopt;
  return last;
}

/// require_own_key asks where the key is written: two sessions may have brought it at once.
void require_own_key(Database& database, const std::string& key_hash, const std::string& spki,
                     const std::string& phone, Time now) {
  if (const auto holder = find_key_holder(database, key_hash, spki, phone, now))
    throw Error(Code::malformed, "the key is that of " + *holder);
}

void insert_issued(Database& database, const IssuedCertificate& certificate) {
  require_own_key(database, certificate.key_hash, "", certificate.phone, certificate.issued_at);
  const long long sequence = next_number(database);
  const long long request = certificate.request;
  const std::string serial = to_hex(certificate.serial);
  const std::string der = to_hex(certificate.der);
  Database::Prepared(database,
                     "insert into issued (serial, phone, request, subject, issuer, der, key,"
                     " not_after, issued_at, delivered_at, confirmed_at, deleted_at, sequence,"
                     " key_hash, peer, elsewhere, proof) values"
                     " (:serial, :phone, :request, :subject, :issuer, :der, :key, :end, :issued,"
                     " :delivered, :confirmed, :deleted, :sequence, :hash, :peer, :elsewhere,"
                     " :proof)")
      .use(serial)
      .use(certificate.phone)
      .use(request)
      .use(certificate.subject)
      .use(certificate.issuer)
      .use(der)
      .use(certificate.key)
      .use(certificate.not_after)
      .use(certificate.issued_at)
      .use(certificate.delivered_at)
      .use(certificate.confirmed_at)
      .use(certificate.deleted_at)
      .use(sequence)
      .use(certificate.key_hash)
      .use(certificate.peer)
      .use(certificate.elsewhere)
      .use(certificate.proof)
      .execute();
  if (certificate.confirmed_at) mark_held(database, serial, *certificate.confirmed_at);
}

/// confirmed_elsewhere notes that who said that it holds the LSC was not where the phone is.
void confirmed_elsewhere(Database& database, IssuedCertificate& row, const std::string& elsewhere) {
  row.elsewhere = elsewhere;
  if (row.proof.empty() || row.proof == IssuedCertificate::kByAddress)
    row.proof = word(AuthMode::null_string);
  const std::string serial = to_hex(row.serial);
  Database::Prepared(database,
                     "update issued set elsewhere = :elsewhere, proof = :proof"
                     " where serial = :serial")
      .use(row.elsewhere)
      .use(row.proof)
      .use(serial)
      .execute();
}

void forget_shown(Database& database, const std::string& phone) {
  Database::Prepared(database, "delete from shown_lsc where phone = :phone").use(phone).execute();
}

/// is_anothers tells an unproven outcome that must not hide how the phone's own part stands: it
/// failed from another address, or its key waits for an offline CA.
bool is_anothers(Database& database, const Outcome& outcome) {
  if (outcome.status != OperationStatus::unproven) return false;
  const long long request = outcome.request;
  constexpr std::string_view kOfRequest = "where phone = :phone and request = :request";
  const auto csr = first(csr_rows(database, kOfRequest, outcome.phone, request));
  if (csr && !csr->serial) return true;
  const auto before = first(outcome_rows(database, kOfRequest, outcome.phone, request));
  return before && before->status != OperationStatus::unproven &&
         address_text(before->peer) != address_text(outcome.peer);
}

/// save_outcome lets a success stand, whoever comes late with a failure of the same request.
void save_outcome(Database& database, const Outcome& outcome) {
  if (is_anothers(database, outcome)) return;
  const long long request = outcome.request;
  const std::string operation(word(outcome.operation));
  const std::string status(word(outcome.status));
  Database::Prepared(database,
                     "insert into outcome (phone, request, operation, status, at, peer)"
                     " values (:phone, :request, :operation, :status, :at, :peer)"
                     " on conflict (phone, request) do update set operation = excluded.operation,"
                     " status = excluded.status, at = excluded.at, peer = excluded.peer"
                     " where outcome.status <> 'success' or excluded.status = 'success'")
      .use(outcome.phone)
      .use(request)
      .use(operation)
      .use(status)
      .use(outcome.at)
      .use(outcome.peer)
      .execute();
}

[[noreturn]] void no_such_serial(const std::string& serial) {
  throw Error(Code::not_found, "no certificate of serial " + serial + " was issued");
}

}  // namespace

std::string describe(Operation operation, OperationStatus status) {
  if (status == OperationStatus::none) return "None";
  if (status == OperationStatus::pending) return "Operation Pending";
  std::string_view what = "Upgrade";  // also what CUCM's text says when nothing is known
  if (operation == Operation::remove) what = "Delete";
  if (operation == Operation::troubleshoot) what = "Troubleshoot";
  if (status == OperationStatus::success) return fmt::format("{} Success", what);
  const std::string_view why = reason(status);
  if (status == OperationStatus::unproven) return fmt::format("{} Unproven: {}", what, why);
  return why.empty() ? fmt::format("{} Failed", what) : fmt::format("{} Failed: {}", what, why);
}

std::optional<std::string> enrolled_from(const IssuedCertificate& lsc) {
  const bool unproven = !lsc.elsewhere.empty() || lsc.proof == word(AuthMode::null_string);
  return unproven ? std::optional(lsc.peer) : std::nullopt;
}

bool proves_phone(const IssuedCertificate& lsc) {
  if (lsc.proof.empty()) return lsc.elsewhere.empty();
  return lsc.proof != word(AuthMode::null_string);
}

bool went_elsewhere(const IssuedCertificate& lsc) {
  return !lsc.elsewhere.empty() && !proves_phone(lsc);
}

std::string_view word(OperationStatus status) noexcept {
  for (const auto& entry : kStatuses)
    if (entry.status == status) return entry.word;
  return "";
}

OperationStatus operation_status_from(std::string_view word) {
  for (const auto& entry : kStatuses)
    if (entry.word == word) return entry.status;
  throw Error(Code::malformed, "the stored operation status is not one we know");
}

void EnrolmentStore::issued(const IssuedCertificate& certificate) {
  write([&](soci::session& /*sql*/) { insert_issued(database_, certificate); });
}

void EnrolmentStore::delivered(BytesView serial, Time at) {
  const std::string key = to_hex(serial);
  later("CAPF_DELIVERY_NOT_RECORDED", [&database = database_, key, at](soci::session& /*sql*/) {
    Database::Prepared update(database,
                              "update issued set delivered_at = :at where serial = :serial");
    update.use(at).use(key).execute();
    if (update.changed() == 0) no_such_serial(key);
  });
}

void EnrolmentStore::confirmed(BytesView serial, Time at, const std::string& elsewhere) {
  const std::string key = to_hex(serial);
  write([&](soci::session& /*sql*/) {
    auto row = first(issued_rows(database_, "where serial = :serial", key));
    if (!row) no_such_serial(key);
    if (!elsewhere.empty() && row->elsewhere.empty())
      confirmed_elsewhere(database_, *row, elsewhere);
    Outcome outcome;
    outcome.phone = row->phone;
    outcome.request = row->request;
    outcome.operation = Operation::install;
    outcome.at = at;
    if (went_elsewhere(*row)) {
      Database::Prepared(database_, "update issued set confirmed_at = :at where serial = :serial")
          .use(at)
          .use(key)
          .execute();
      outcome.status = OperationStatus::unproven;
      outcome.peer = row->peer;
    } else {
      mark_held(database_, key, at);
      forget_shown(database_, outcome.phone);
      Database::Prepared(database_, "delete from csr where phone = :phone and serial = :serial")
          .use(outcome.phone)
          .use(key)
          .execute();
      outcome.status = OperationStatus::success;
    }
    save_outcome(database_, outcome);
  });
}

void EnrolmentStore::finished(const Outcome& outcome) {
  write([&](soci::session& /*sql*/) { save_outcome(database_, outcome); });
}

void EnrolmentStore::removed(std::string_view phone, std::int64_t request, Time at) {
  const Outcome outcome{std::string(phone), request, Operation::remove, OperationStatus::success,
                        at};
  write([&](soci::session& /*sql*/) {
    Database::Prepared(database_,
                       "update issued set deleted_at = :at where phone = :phone and confirmed_at"
                       " is not null and deleted_at is null")
        .use(at)
        .use(outcome.phone)
        .execute();
    forget_shown(database_, outcome.phone);
    save_outcome(database_, outcome);
  });
}

std::size_t EnrolmentStore::clear_stale(const std::optional<std::string>& phone, Time at) {
  const Time latest = at - kUnderWay;
  return write([&](soci::session& /*sql*/) {
    std::string statement = "update issued set cleared_at = :at where ";
    statement.append(kUnconfirmed).append(kNotUnderWay);
    if (phone) statement += " and phone = :phone";
    Database::Prepared update(database_, statement);
    update.use(at).use(latest).use(at);
    if (phone) update.use(*phone);
    update.execute();
    return static_cast<std::size_t>(update.changed());
  });
}

void EnrolmentStore::showed(std::string_view phone, const std::optional<IssuedCertificate>& lsc,
                            Time at) {
  const std::string name(phone);
  write([&](soci::session& /*sql*/) {
    std::optional<IssuedCertificate> known;
    std::string serial;
    if (lsc) {
      serial = to_hex(lsc->serial);
      known = first(issued_rows(database_, "where serial = :serial", serial));
    }
    const bool ours = known && known->phone == name && known->der == lsc->der;
    const auto held = find_held(database_, name);
    const std::string held_serial = held ? to_hex(held->serial) : "";
    if (held && held_serial != serial)
      Database::Prepared(database_, "update issued set missing_at = :at where serial = :serial")
          .use(at)
          .use(held_serial)
          .execute();
    forget_shown(database_, name);
    if (ours) {
      if (!known->deleted_at && held_serial != serial) mark_held(database_, serial, at);
      return;
    }
    const std::string subject = lsc ? lsc->subject : "";
    const std::string issuer = lsc ? lsc->issuer : "";
    Database::Prepared(database_,
                       "insert into shown_lsc (phone, at, serial, subject, issuer) values"
                       " (:phone, :at, :serial, :subject, :issuer)")
        .use(name)
        .use(at)
        .use(serial)
        .use(subject)
        .use(issuer)
        .execute();
  });
}

void EnrolmentStore::requested(const PendingCsr& csr) {
  const long long request = csr.request;
  const std::string spki = to_hex(csr.spki);
  write([&](soci::session& /*sql*/) {
    require_own_key(database_, "", spki, csr.phone, csr.created);
    Database::Prepared(database_,
                       "insert into csr (phone, request, spki, key, model, peer, proof, created,"
                       " serial) values"
                       " (:phone, :request, :spki, :key, :model, :peer, :proof, :created, null)"
                       " on conflict (phone) do update set request = excluded.request,"
                       " spki = excluded.spki, key = excluded.key, model = excluded.model,"
                       " peer = excluded.peer, proof = excluded.proof, created = excluded.created,"
                       " serial = null")
        .use(csr.phone)
        .use(request)
        .use(spki)
        .use(csr.key)
        .use(csr.model)
        .use(csr.peer)
        .use(csr.proof)
        .use(csr.created)
        .execute();
    Database::Prepared(database_,
                       "delete from outcome where phone = :phone and request = :request"
                       " and status <> 'success'")
        .use(csr.phone)
        .use(request)
        .execute();
  });
}

void EnrolmentStore::imported(const IssuedCertificate& certificate, BytesView spki) {
  const std::string serial = to_hex(certificate.serial);
  const std::string key = to_hex(spki);
  write([&](soci::session& /*sql*/) {
    Database::Prepared update(
        database_, "update csr set serial = :serial where phone = :phone and spki = :spki");
    update.use(serial).use(certificate.phone).use(key).execute();
    if (update.changed() == 0) {
      throw Error(Code::conflict,
                  "the CSR of " + certificate.phone + " is gone, or is for another key by now");
    }
    insert_issued(database_, certificate);
  });
}

bool EnrolmentStore::remove_csr(std::string_view phone) {
  const std::string key(phone);
  return write([&](soci::session& /*sql*/) {
    Database::Prepared remove(database_, "delete from csr where phone = :phone");
    remove.use(key).execute();
    return remove.changed() > 0;
  });
}

void EnrolmentStore::happened(const CapfEvent& event) {
  later("CAPF_EVENT_NOT_RECORDED", [&database = database_, event](soci::session& /*sql*/) {
    const long long request = event.request;
    Database::Prepared(database,
                       "insert into event (at, phone, peer, kind, detail, request) values"
                       " (:at, :phone, :peer, :kind, :detail, :request)")
        .use(event.at)
        .use(event.phone)
        .use(event.peer)
        .use(event.kind)
        .use(event.detail)
        .use(request)
        .execute();
    const int kept = kEventsKept;
    Database::Prepared(database,
                       "delete from event where phone = :phone and id <= (select id from event"
                       " where phone = :same order by id desc limit 1 offset :kept)")
        .use(event.phone)
        .use(event.phone)
        .use(kept)
        .execute();
  });
}

void EnrolmentStore::later(std::string_view event_id, WriteGroup::Work work) {
  if (group_ == nullptr) {
    database_.write(work);
    return;
  }
  group_->queue(std::move(work), [id = std::string(event_id)](const std::exception& error) {
    log(Level::error, id, {{"error", error.what()}});
  });
}

std::optional<IssuedCertificate> EnrolmentStore::certificate(BytesView serial) const {
  const std::string key = to_hex(serial);
  return database_.read([&](soci::session& /*sql*/) {
    return first(issued_rows(database_, "where serial = :serial", key));
  });
}

std::optional<PendingCsr> EnrolmentStore::csr(std::string_view phone) const {
  const std::string key(phone);
  return database_.read([&](soci::session& /*sql*/) {
    return first(csr_rows(database_, "where phone = :phone", key));
  });
}

std::vector<PendingCsr> EnrolmentStore::csrs() const {
  return database_.read(
      [&](soci::session& /*sql*/) { return csr_rows(database_, "order by phone"); });
}

std::vector<CapfEvent> EnrolmentStore::events(std::string_view phone) const {
  const std::string key(phone);
  return database_.read([&](soci::session& /*sql*/) {
    return event_rows(database_, "where phone = :phone order by id desc", key);
  });
}

std::optional<Outcome> EnrolmentStore::outcome(std::string_view phone, std::int64_t request) const {
  const std::string key(phone);
  const long long number = request;
  return database_.read([&](soci::session& /*sql*/) {
    return first(
        outcome_rows(database_, "where phone = :phone and request = :request", key, number));
  });
}

std::optional<IssuedCertificate> EnrolmentStore::held(std::string_view phone) const {
  const std::string key(phone);
  return database_.read([&](soci::session& /*sql*/) { return find_held(database_, key); });
}

std::optional<IssuedCertificate> EnrolmentStore::held_proven(std::string_view phone) const {
  const std::string key(phone);
  return database_.read(
      [&](soci::session& /*sql*/) { return first(issued_rows(database_, kLastProven, key)); });
}

bool EnrolmentStore::maybe_overwritten(std::string_view phone) const {
  const std::string key(phone);
  return database_.read([&](soci::session& /*sql*/) {
    long long found = 0;
    return Database::Prepared(database_,
                              fmt::format("select 1 from issued where phone = :device"
                                          " and confirmed_at is not null and deleted_at is null"
                                          " and held_sequence is null and elsewhere <> ''"
                                          " and sequence > (select held_sequence from issued {})"
                                          " limit 1",
                                          kLastHeld))
        .into(found)
        .use(key)
        .use(key)
        .execute();
  });
}

std::vector<IssuedCertificate> EnrolmentStore::stale(std::optional<Time> now) const {
  constexpr std::string_view kOldestFirst = " order by sequence";
  return database_.read([&](soci::session& /*sql*/) {
    if (!now) return issued_rows(database_, fmt::format("where {}{}", kUnconfirmed, kOldestFirst));
    const Time latest = *now - kUnderWay;
    return issued_rows(database_,
                       fmt::format("where {}{}{}", kUnconfirmed, kNotUnderWay, kOldestFirst),
                       latest, *now);
  });
}

Issues EnrolmentStore::issues(std::string_view phone, std::int64_t request,
                              std::string_view address) const {
  const std::string key(phone);
  const long long number = request;
  const std::string to = address.empty() ? "" : std::string(address) + ":";
  return database_.read([&](soci::session& /*sql*/) {
    Issues issues;
    long long count = 0;
    Database::Prepared select(
        database_,
        "select count(*), max(issued_at) from issued where phone = :phone"
        " and request = :request and substr(peer, 1, length(:address)) = :same");
    select.into(count).into(issues.last).use(key).use(number).use(to).use(to).execute();
    issues.count = count;
    return issues;
  });
}

std::optional<std::string> EnrolmentStore::key_holder(std::string_view key_hash, BytesView spki,
                                                      std::string_view phone, Time now) const {
  const std::string hash(key_hash);
  const std::string key = to_hex(spki);
  const std::string name(phone);
  return database_.read(
      [&](soci::session& /*sql*/) { return find_key_holder(database_, hash, key, name, now); });
}

std::vector<IssuedCertificate> EnrolmentStore::without_key_hash(std::size_t count) const {
  const auto most = static_cast<long long>(count);
  return database_.read([&](soci::session& /*sql*/) {
    return issued_rows(database_, "where key_hash = '' limit :count", most);
  });
}

void EnrolmentStore::note_key_hash(BytesView serial, const std::string& key_hash) {
  const std::string key = to_hex(serial);
  write([&](soci::session& /*sql*/) {
    Database::Prepared(database_, "update issued set key_hash = :hash where serial = :serial")
        .use(key_hash)
        .use(key)
        .execute();
  });
}

std::vector<Outcome> EnrolmentStore::outcomes_since(Time since) const {
  const long long seconds = to_seconds(since);
  return database_.read([&](soci::session& /*sql*/) {
    return outcome_rows(database_, "where at >= :since", seconds);
  });
}

OperationStatus status_of(const Phone& phone, const std::optional<Outcome>& outcome, Time now) {
  const CapfSettings& capf = phone.capf;
  if (outcome && outcome->request == capf.request) return outcome->status;
  if (capf.operation == Operation::none) return OperationStatus::none;
  if (capf.completes_by && now >= *capf.completes_by) return OperationStatus::late;
  return OperationStatus::pending;
}

CapfVisit capf_visit(const Phone& phone, const std::optional<Outcome>& outcome, Time now) {
  const CapfSettings& capf = phone.capf;
  if (capf.operation == Operation::none || contradicts_profile(phone)) return CapfVisit::none;
  if (capf.completes_by && now >= *capf.completes_by) return CapfVisit::none;
  return status_of(phone, outcome, now) == OperationStatus::success ? CapfVisit::none
                                                                    : CapfVisit::due;
}

}  // namespace ringfence::core

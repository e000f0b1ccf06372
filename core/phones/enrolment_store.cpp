// The journal of CAPF, and CUCM's words for it.
#include "core/phones/enrolment_store.h"

#include <array>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/storage/columns.h"

namespace ringfence::core {
namespace {

struct StatusWords {
  OperationStatus status;
  std::string_view word;
  std::string_view reason;  ///< what CUCM says behind "Upgrade Failed: "
};

constexpr std::array<StatusWords, 14> kStatuses = {{
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
}};

std::string_view reason(OperationStatus status) noexcept {
  for (const auto& entry : kStatuses)
    if (entry.status == status) return entry.reason;
  return "";
}

constexpr std::string_view kSelectIssued =
    "select phone, request, serial, subject, issuer, der, key, not_after, issued_at, delivered_at,"
    " confirmed_at, deleted_at, cleared_at from issued ";
constexpr std::string_view kSelectOutcome =
    "select phone, request, operation, status, at from outcome ";

/// Which of a phone's certificates is the last: by confirmation, then by what was asked for later.
constexpr std::string_view kHeld =
    "where confirmed_at is not null and deleted_at is null and phone = :phone"
    " order by confirmed_at desc, request desc, issued_at desc, serial desc limit 1";

/// issued_rows runs `statement` behind the select of certificates; `key` is bound when given.
std::vector<IssuedCertificate> issued_rows(soci::session& sql, std::string_view statement,
                                           const std::string* key) {
  IssuedCertificate row;
  long long request = 0;
  std::string serial;
  std::string der;
  soci::statement select(sql);
  select.exchange(soci::into(row.phone));
  select.exchange(soci::into(request));
  select.exchange(soci::into(serial));
  select.exchange(soci::into(row.subject));
  select.exchange(soci::into(row.issuer));
  select.exchange(soci::into(der));
  select.exchange(soci::into(row.key));
  select.exchange(soci::into(row.not_after));
  select.exchange(soci::into(row.issued_at));
  select.exchange(soci::into(row.delivered_at));
  select.exchange(soci::into(row.confirmed_at));
  select.exchange(soci::into(row.deleted_at));
  select.exchange(soci::into(row.cleared_at));
  if (key != nullptr) select.exchange(soci::use(*key));
  select.alloc();
  select.prepare(std::string(kSelectIssued) + std::string(statement));
  select.define_and_bind();
  select.execute();
  std::vector<IssuedCertificate> rows;
  while (select.fetch()) {
    row.request = request;
    row.serial = from_hex(serial);
    row.der = from_hex(der);
    rows.push_back(row);
  }
  return rows;
}

struct OutcomeKey {
  std::string phone;
  long long request = 0;
};

/// outcome_rows runs `statement` behind the select of outcomes; `key` is bound when given.
std::vector<Outcome> outcome_rows(soci::session& sql, std::string_view statement,
                                  const OutcomeKey* key) {
  Outcome row;
  long long request = 0;
  std::string operation;
  std::string status;
  soci::statement select(sql);
  select.exchange(soci::into(row.phone));
  select.exchange(soci::into(request));
  select.exchange(soci::into(operation));
  select.exchange(soci::into(status));
  select.exchange(soci::into(row.at));
  if (key != nullptr) {
    select.exchange(soci::use(key->phone));
    select.exchange(soci::use(key->request));
  }
  select.alloc();
  select.prepare(std::string(kSelectOutcome) + std::string(statement));
  select.define_and_bind();
  select.execute();
  std::vector<Outcome> rows;
  while (select.fetch()) {
    row.request = request;
    row.operation = operation_from(operation);
    row.status = operation_status_from(status);
    rows.push_back(row);
  }
  return rows;
}

/// csr_rows runs `statement` behind the select of CSRs; `phone` is bound when given.
std::vector<PendingCsr> csr_rows(soci::session& sql, std::string_view statement,
                                 const std::string* phone) {
  PendingCsr row;
  long long request = 0;
  std::string spki;
  std::string serial;
  soci::indicator has_serial = soci::i_null;
  soci::statement select(sql);
  select.exchange(soci::into(row.phone));
  select.exchange(soci::into(request));
  select.exchange(soci::into(spki));
  select.exchange(soci::into(row.key));
  select.exchange(soci::into(row.model));
  select.exchange(soci::into(row.peer));
  select.exchange(soci::into(row.created));
  select.exchange(soci::into(serial, has_serial));
  if (phone != nullptr) select.exchange(soci::use(*phone));
  select.alloc();
  select.prepare("select phone, request, spki, key, model, peer, created, serial from csr " +
                 std::string(statement));
  select.define_and_bind();
  select.execute();
  std::vector<PendingCsr> rows;
  while (select.fetch()) {
    row.request = request;
    row.spki = from_hex(spki);
    row.serial.reset();
    if (has_serial == soci::i_ok) row.serial = from_hex(serial);
    rows.push_back(row);
  }
  return rows;
}

/// EventKey selects events: a phone's, or those behind an id, `count` at most.
struct EventKey {
  std::string phone;
  long long after = 0;
  long long count = 0;
};

std::vector<CapfEvent> event_rows(soci::session& sql, const EventKey& key) {
  CapfEvent row;
  long long id = 0;
  soci::statement select(sql);
  select.exchange(soci::into(id));
  select.exchange(soci::into(row.at));
  select.exchange(soci::into(row.phone));
  select.exchange(soci::into(row.peer));
  select.exchange(soci::into(row.kind));
  select.exchange(soci::into(row.detail));
  const bool of_phone = !key.phone.empty();
  if (of_phone) {
    select.exchange(soci::use(key.phone));
  } else {
    select.exchange(soci::use(key.after));
    select.exchange(soci::use(key.count));
  }
  select.alloc();
  select.prepare(std::string("select id, at, phone, peer, kind, detail from event ") +
                 (of_phone ? "where phone = :phone order by id desc"
                           : "where id > :after order by id limit :count"));
  select.define_and_bind();
  select.execute();
  std::vector<CapfEvent> rows;
  while (select.fetch()) {
    row.id = id;
    rows.push_back(row);
  }
  return rows;
}

void insert_issued(soci::session& sql, const IssuedCertificate& certificate) {
  const long long request = certificate.request;
  const std::string serial = to_hex(certificate.serial);
  const std::string der = to_hex(certificate.der);
  sql << "insert into issued (serial, phone, request, subject, issuer, der, key, not_after,"
         " issued_at, delivered_at, confirmed_at, deleted_at) values (:serial, :phone, :request,"
         " :subject, :issuer, :der, :key, :end, :issued, :delivered, :confirmed, :deleted)",
      soci::use(serial), soci::use(certificate.phone), soci::use(request),
      soci::use(certificate.subject), soci::use(certificate.issuer), soci::use(der),
      soci::use(certificate.key), soci::use(certificate.not_after),
      soci::use(certificate.issued_at), soci::use(certificate.delivered_at),
      soci::use(certificate.confirmed_at), soci::use(certificate.deleted_at);
}

void save_outcome(soci::session& sql, const Outcome& outcome) {
  const long long request = outcome.request;
  const std::string operation(word(outcome.operation));
  const std::string status(word(outcome.status));
  sql << "insert into outcome (phone, request, operation, status, at)"
         " values (:phone, :request, :operation, :status, :at)"
         " on conflict (phone, request) do update set operation = excluded.operation,"
         " status = excluded.status, at = excluded.at",
      soci::use(outcome.phone), soci::use(request), soci::use(operation), soci::use(status),
      soci::use(outcome.at);
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
  return why.empty() ? fmt::format("{} Failed", what) : fmt::format("{} Failed: {}", what, why);
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
  database_.write([&](soci::session& sql) { insert_issued(sql, certificate); });
}

void EnrolmentStore::delivered(BytesView serial, Time at) {
  const std::string key = to_hex(serial);
  database_.write([&](soci::session& sql) {
    soci::statement update =
        (sql.prepare << "update issued set delivered_at = :at where serial = :serial",
         soci::use(at), soci::use(key));
    update.execute(true);
    if (update.get_affected_rows() == 0) no_such_serial(key);
  });
}

void EnrolmentStore::confirmed(BytesView serial, Time at) {
  const std::string key = to_hex(serial);
  database_.write([&](soci::session& sql) {
    Outcome outcome;
    long long request = 0;
    sql << "select phone, request from issued where serial = :serial", soci::into(outcome.phone),
        soci::into(request), soci::use(key);
    if (!sql.got_data()) no_such_serial(key);
    sql << "update issued set confirmed_at = :at where serial = :serial", soci::use(at),
        soci::use(key);
    outcome.request = request;
    outcome.operation = Operation::install;
    outcome.status = OperationStatus::success;
    outcome.at = at;
    save_outcome(sql, outcome);
  });
}

void EnrolmentStore::finished(const Outcome& outcome) {
  database_.write([&](soci::session& sql) { save_outcome(sql, outcome); });
}

void EnrolmentStore::removed(std::string_view phone, std::int64_t request, Time at) {
  const Outcome outcome{std::string(phone), request, Operation::remove, OperationStatus::success,
                        at};
  database_.write([&](soci::session& sql) {
    sql << "update issued set deleted_at = :at where phone = :phone and confirmed_at is not null"
           " and deleted_at is null",
        soci::use(at), soci::use(outcome.phone);
    save_outcome(sql, outcome);
  });
}

std::size_t EnrolmentStore::clear_stale(const std::optional<std::string>& phone, Time at) {
  return database_.write([&](soci::session& sql) -> std::size_t {
    const std::string every =
        "update issued set cleared_at = :at where confirmed_at is null and cleared_at is null";
    long long cleared = 0;
    if (phone) {
      soci::statement update =
          (sql.prepare << every + " and phone = :phone", soci::use(at), soci::use(*phone));
      update.execute(true);
      cleared = update.get_affected_rows();
    } else {
      soci::statement update = (sql.prepare << every, soci::use(at));
      update.execute(true);
      cleared = update.get_affected_rows();
    }
    return static_cast<std::size_t>(cleared);
  });
}

void EnrolmentStore::requested(const PendingCsr& csr) {
  const long long request = csr.request;
  const std::string spki = to_hex(csr.spki);
  database_.write([&](soci::session& sql) {
    sql << "insert into csr (phone, request, spki, key, model, peer, created, serial) values"
           " (:phone, :request, :spki, :key, :model, :peer, :created, null)"
           " on conflict (phone) do update set request = excluded.request, spki = excluded.spki,"
           " key = excluded.key, model = excluded.model, peer = excluded.peer,"
           " created = excluded.created, serial = null",
        soci::use(csr.phone), soci::use(request), soci::use(spki), soci::use(csr.key),
        soci::use(csr.model), soci::use(csr.peer), soci::use(csr.created);
  });
}

void EnrolmentStore::imported(const IssuedCertificate& certificate, BytesView spki) {
  const std::string serial = to_hex(certificate.serial);
  const std::string key = to_hex(spki);
  database_.write([&](soci::session& sql) {
    soci::statement update =
        (sql.prepare << "update csr set serial = :serial where phone = :phone and spki = :spki",
         soci::use(serial), soci::use(certificate.phone), soci::use(key));
    update.execute(true);
    if (update.get_affected_rows() == 0) {
      throw Error(Code::conflict,
                  "the CSR of " + certificate.phone + " is gone, or is for another key by now");
    }
    insert_issued(sql, certificate);
  });
}

bool EnrolmentStore::remove_csr(std::string_view phone) {
  const std::string key(phone);
  return database_.write([&](soci::session& sql) {
    soci::statement remove =
        (sql.prepare << "delete from csr where phone = :phone", soci::use(key));
    remove.execute(true);
    return remove.get_affected_rows() > 0;
  });
}

void EnrolmentStore::happened(const CapfEvent& event) {
  const int kept = kEventsKept;
  database_.write([&](soci::session& sql) {
    sql << "insert into event (at, phone, peer, kind, detail) values"
           " (:at, :phone, :peer, :kind, :detail)",
        soci::use(event.at), soci::use(event.phone), soci::use(event.peer), soci::use(event.kind),
        soci::use(event.detail);
    sql << "delete from event where phone = :phone and id <= (select id from event"
           " where phone = :same order by id desc limit 1 offset :kept)",
        soci::use(event.phone, "phone"), soci::use(event.phone, "same"), soci::use(kept, "kept");
  });
}

std::optional<IssuedCertificate> EnrolmentStore::certificate(BytesView serial) const {
  const std::string key = to_hex(serial);
  return database_.read([&](soci::session& sql) -> std::optional<IssuedCertificate> {
    auto rows = issued_rows(sql, "where serial = :serial", &key);
    if (rows.empty()) return std::nullopt;
    return rows.front();
  });
}

std::optional<PendingCsr> EnrolmentStore::csr(std::string_view phone) const {
  const std::string key(phone);
  return database_.read([&](soci::session& sql) -> std::optional<PendingCsr> {
    auto rows = csr_rows(sql, "where phone = :phone", &key);
    if (rows.empty()) return std::nullopt;
    return rows.front();
  });
}

std::vector<PendingCsr> EnrolmentStore::csrs() const {
  return database_.read(
      [&](soci::session& sql) { return csr_rows(sql, "order by phone", nullptr); });
}

std::vector<CapfEvent> EnrolmentStore::events(std::string_view phone) const {
  return database_.read([&](soci::session& sql) {
    return event_rows(sql, {std::string(phone), 0, 0});
  });
}

std::vector<CapfEvent> EnrolmentStore::events_after(std::int64_t id, std::size_t count) const {
  return database_.read([&](soci::session& sql) {
    return event_rows(sql, {"", id, static_cast<long long>(count)});
  });
}

std::optional<Outcome> EnrolmentStore::outcome(std::string_view phone, std::int64_t request) const {
  const OutcomeKey key{std::string(phone), request};
  return database_.read([&](soci::session& sql) -> std::optional<Outcome> {
    auto rows = outcome_rows(sql, "where phone = :phone and request = :request", &key);
    if (rows.empty()) return std::nullopt;
    return rows.front();
  });
}

std::optional<IssuedCertificate> EnrolmentStore::held(std::string_view phone) const {
  const std::string key(phone);
  return database_.read([&](soci::session& sql) -> std::optional<IssuedCertificate> {
    auto rows = issued_rows(sql, kHeld, &key);
    if (rows.empty()) return std::nullopt;
    return rows.front();
  });
}

std::vector<IssuedCertificate> EnrolmentStore::all_held() const {
  return database_.read([&](soci::session& sql) {
    return issued_rows(
        sql,
        "where serial in (select serial from (select serial, row_number() over (partition by phone"
        " order by confirmed_at desc, request desc, issued_at desc, serial desc) as place"
        " from issued where confirmed_at is not null and deleted_at is null) as ranked"
        " where place = 1) order by phone",
        nullptr);
  });
}

std::vector<IssuedCertificate> EnrolmentStore::stale() const {
  return database_.read([&](soci::session& sql) {
    return issued_rows(
        sql,
        "where confirmed_at is null and cleared_at is null order by issued_at, phone,"
        " serial",
        nullptr);
  });
}

std::vector<Outcome> EnrolmentStore::last_outcomes() const {
  return database_.read([&](soci::session& sql) {
    return outcome_rows(sql,
                        "as o where request = (select max(request) from outcome where phone ="
                        " o.phone) order by phone",
                        nullptr);
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
  if (capf.operation == Operation::none) return CapfVisit::none;
  if (capf.completes_by && now >= *capf.completes_by) return CapfVisit::none;
  return status_of(phone, outcome, now) == OperationStatus::success ? CapfVisit::none
                                                                    : CapfVisit::due;
}

}  // namespace ringfence::core

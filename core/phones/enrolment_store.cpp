// The journal of CAPF: what is written.
#include "core/phones/enrolment_store.h"

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/phones/change_log.h"
#include "core/phones/enrolment_rows.h"
#include "core/phones/trust_sign.h"
#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

/// next_number counts one on: what gets it comes after all that has one.
long long next_number(Database& database) {
  Database::Prepared(database, "update journal_number set last = last + 1").execute();
  long long number = 0;
  Database::Prepared(database, "select last from journal_number").into(number).execute();
  return number;
}

/// mark_held makes the certificate the one that its phone holds now.
void mark_held(Database& database, const Bytes& serial, Time at) {
  const long long number = next_number(database);
  Database::Prepared(database,
                     "update issued set confirmed_at = :at, held_sequence = :number,"
                     " missing_at = null where serial = :serial")
      .use(at)
      .use(number)
      .use(serial)
      .execute();
}

/// require_own_key asks where the key is written: two sessions may have brought it at once.
void require_own_key(Database& database, const std::string& key_hash, BytesView spki,
                     const std::string& phone, Time now) {
  if (const auto holder = EnrolmentStore(database).key_holder(key_hash, spki, phone, now))
    throw Error(Code::malformed, "the key is that of " + *holder);
}

void insert_issued(Database& database, IssuedCertificate row) {
  require_own_key(database, row.key_hash, {}, row.phone, row.issued_at);
  row.sequence = next_number(database);
  row.cleared_at.reset();
  row.missing_at.reset();
  insert_row(database, row);
  if (row.confirmed_at) mark_held(database, row.serial, *row.confirmed_at);
}

/// confirmed_elsewhere notes that who said that it holds the LSC was not where the phone is.
void confirmed_elsewhere(Database& database, IssuedCertificate& row, const std::string& elsewhere) {
  row.elsewhere = elsewhere;
  if (row.proof.empty() || row.proof == IssuedCertificate::kByAddress)
    row.proof = word(AuthMode::null_string);
  Database::Prepared(database,
                     "update issued set elsewhere = :elsewhere, proof = :proof"
                     " where serial = :serial")
      .use(row.elsewhere)
      .use(row.proof)
      .use(row.serial)
      .execute();
}

void forget_shown(Database& database, const std::string& phone) {
  Database::Prepared(database, "delete from shown_lsc where phone = :phone").use(phone).execute();
}

/// is_anothers tells an unproven outcome that must not hide how the phone's own part stands: it
/// failed from another address, or its key waits for an offline CA.
bool is_anothers(Database& database, const Outcome& outcome) {
  if (outcome.status != OperationStatus::unproven) return false;
  constexpr std::string_view kOfRequest = "where phone = :phone and request = :request";
  const auto csr = row_of<PendingCsr>(database, kOfRequest, outcome.phone, outcome.request);
  if (csr && !csr->serial) return true;
  const auto before = row_of<Outcome>(database, kOfRequest, outcome.phone, outcome.request);
  return before && before->status != OperationStatus::unproven &&
         address_text(before->peer) != address_text(outcome.peer);
}

/// save_outcome lets a success stand, whoever comes late with a failure of the same request.
void save_outcome(Database& database, const Outcome& outcome) {
  if (is_anothers(database, outcome)) return;
  insert_row(database, outcome,
             "on conflict (phone, request) do update set operation = excluded.operation,"
             " status = excluded.status, at = excluded.at, peer = excluded.peer"
             " where outcome.status <> 'success' or excluded.status = 'success'");
  ChangeLog(database).note(outcome.phone);
}

[[noreturn]] void no_such_serial(BytesView serial) {
  throw Error(Code::not_found, "no certificate of serial " + to_hex(serial) + " was issued");
}

}  // namespace

void EnrolmentStore::issued(const IssuedCertificate& certificate) {
  write([&](soci::session& /*sql*/) { insert_issued(database_, certificate); });
}

void EnrolmentStore::delivered(BytesView serial, Time at) {
  const Bytes key(serial.begin(), serial.end());
  later("CAPF_DELIVERY_NOT_RECORDED", [&database = database_, key, at](soci::session& /*sql*/) {
    Database::Prepared update(database,
                              "update issued set delivered_at = :at where serial = :serial");
    update.use(at).use(key).execute();
    if (update.changed() == 0) no_such_serial(key);
  });
}

void EnrolmentStore::confirmed(BytesView serial, Time at, const std::string& elsewhere) {
  const Bytes key(serial.begin(), serial.end());
  write([&](soci::session& /*sql*/) {
    auto row = row_of<IssuedCertificate>(database_, "where serial = :serial", key);
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
    const Bytes serial = lsc ? lsc->serial : Bytes();
    if (lsc) {
      known = row_of<IssuedCertificate>(database_, "where serial = :serial", serial);
    }
    const bool ours = known && known->phone == name && known->der == lsc->der;
    const auto holds = held(name);
    const Bytes held_serial = holds ? holds->serial : Bytes();
    if (holds && held_serial != serial)
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
  write([&](soci::session& /*sql*/) {
    require_own_key(database_, "", csr.spki, csr.phone, csr.created);
    PendingCsr row = csr;
    row.serial.reset();
    insert_row(database_, row,
               "on conflict (phone) do update set request = excluded.request,"
               " spki = excluded.spki, key = excluded.key, model = excluded.model,"
               " peer = excluded.peer, proof = excluded.proof, created = excluded.created,"
               " serial = null");
    Database::Prepared(database_,
                       "delete from outcome where phone = :phone and request = :request"
                       " and status <> 'success'")
        .use(csr.phone)
        .use(csr.request)
        .execute();
    ChangeLog(database_).note(csr.phone);
  });
}

void EnrolmentStore::imported(const IssuedCertificate& certificate, BytesView spki) {
  const Bytes key(spki.begin(), spki.end());
  write([&](soci::session& /*sql*/) {
    Database::Prepared update(
        database_, "update csr set serial = :serial where phone = :phone and spki = :spki");
    update.use(certificate.serial).use(certificate.phone).use(key).execute();
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
    Database::Prepared(database,
                       "insert into event (at, phone, peer, kind, detail, request) values"
                       " (:at, :phone, :peer, :kind, :detail, :request)")
        .use(event.at)
        .use(event.phone)
        .use(event.peer)
        .use(event.kind)
        .use(event.detail)
        .use(event.request)
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

std::size_t EnrolmentStore::prune_outcomes(Time before, std::size_t most) {
  const auto limit = static_cast<std::int64_t>(most);
  return write([&](soci::session& /*sql*/) {
    Database::Prepared erase(
        database_,
        "delete from outcome where (phone, request) in (select phone, request from outcome"
        " as old where at < :before and exists (select 1 from outcome as newer where"
        " newer.phone = old.phone and newer.request > old.request) order by at limit :most)");
    erase.use(before).use(limit).execute();
    return static_cast<std::size_t>(erase.changed());
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

}  // namespace ringfence::core

// Range scans along the indexes of capf.db that begin with the device's name.
#include "core/phones/capf_inventory.h"

#include <algorithm>

#include "core/storage/columns.h"

namespace ringfence::core {
namespace {

using States = std::unordered_map<std::string, CapfState>;

/// Range is what a scan covers: names above `after`, or `after` itself, up to and with `last`.
struct Range {
  const std::string& after;
  const std::string& last;
  std::string condition;
};

/// certificates returns the rows that `condition` selects further, in the order of `order`.
std::vector<IssuedCertificate> certificates(soci::session& sql, const Range& range,
                                            const std::string& condition,
                                            const std::string& order) {
  IssuedCertificate row;
  long long request = 0;
  std::string serial;
  soci::statement select(sql);
  select.exchange(soci::into(row.phone));
  select.exchange(soci::into(request));
  select.exchange(soci::into(serial));
  select.exchange(soci::into(row.subject));
  select.exchange(soci::into(row.issuer));
  select.exchange(soci::into(row.key));
  select.exchange(soci::into(row.not_after));
  select.exchange(soci::into(row.issued_at));
  select.exchange(soci::into(row.delivered_at));
  select.exchange(soci::into(row.confirmed_at));
  select.exchange(soci::into(row.missing_at));
  select.exchange(soci::into(row.peer));
  select.exchange(soci::into(row.elsewhere));
  select.exchange(soci::into(row.proof));
  select.exchange(soci::use(range.after));
  select.exchange(soci::use(range.last));
  select.alloc();
  select.prepare(
      "select phone, request, serial, subject, issuer, key, not_after, issued_at,"
      " delivered_at, confirmed_at, missing_at, peer, elsewhere, proof from issued where " +
      range.condition + " and " + condition + " order by " + order);
  select.define_and_bind();
  select.execute();
  std::vector<IssuedCertificate> rows;
  while (select.fetch()) {
    row.request = request;
    row.serial = from_hex(serial);
    rows.push_back(row);
  }
  return rows;
}

void read_outcomes(soci::session& sql, const Range& range, States& states) {
  Outcome row;
  long long request = 0;
  std::string operation;
  std::string status;
  soci::statement select =
      (sql.prepare << "select phone, request, operation, status, at, peer from outcome where " +
                          range.condition + " order by phone, request desc",
       soci::into(row.phone), soci::into(request), soci::into(operation), soci::into(status),
       soci::into(row.at), soci::into(row.peer), soci::use(range.after), soci::use(range.last));
  select.execute();
  std::string seen;
  while (select.fetch()) {
    if (row.phone == seen) continue;
    seen = row.phone;
    row.request = request;
    row.operation = operation_from(operation);
    row.status = operation_status_from(status);
    states[row.phone].last = row;
  }
}

void read_csrs(soci::session& sql, const Range& range, States& states) {
  PendingCsr row;
  long long request = 0;
  std::string serial;
  soci::indicator has_serial = soci::i_null;
  soci::statement select =
      (sql.prepare << "select phone, request, key, model, peer, created, serial from csr where " +
                          range.condition,
       soci::into(row.phone), soci::into(request), soci::into(row.key), soci::into(row.model),
       soci::into(row.peer), soci::into(row.created), soci::into(serial, has_serial),
       soci::use(range.after), soci::use(range.last));
  select.execute();
  while (select.fetch()) {
    row.request = request;
    row.serial.reset();
    if (has_serial == soci::i_ok) row.serial = from_hex(serial);
    states[row.phone].csr = row;
  }
}

void read_shown(soci::session& sql, const Range& range, States& states) {
  std::string phone;
  std::string serial;
  ShownLsc row;
  soci::statement select =
      (sql.prepare << "select phone, at, serial, subject, issuer from shown_lsc where " +
                          range.condition,
       soci::into(phone), soci::into(row.at), soci::into(serial), soci::into(row.subject),
       soci::into(row.issuer), soci::use(range.after), soci::use(range.last));
  select.execute();
  while (select.fetch()) {
    row.serial = from_hex(serial);
    states[phone].shown = row;
  }
}

States read(Database& database, const Range& range) {
  return database.read([&](soci::session& sql) {
    States states;
    std::string seen;
    for (IssuedCertificate& one :
         certificates(sql, range, "held_sequence is not null and deleted_at is null",
                      "phone, held_sequence desc")) {
      if (one.phone == seen) continue;
      seen = one.phone;
      if (!one.missing_at) states[seen].held = std::move(one);
    }
    for (IssuedCertificate& one : certificates(
             sql, range, "confirmed_at is null and cleared_at is null", "phone, sequence desc"))
      states[one.phone].unconfirmed.push_back(std::move(one));
    read_outcomes(sql, range, states);
    read_csrs(sql, range, states);
    read_shown(sql, range, states);
    return states;
  });
}

}  // namespace

std::size_t CapfState::stale(Time now) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(unconfirmed, [&](const IssuedCertificate& one) {
        const bool waits_for_import = csr && csr->serial == one.serial;
        if (waits_for_import) return false;
        const bool clock_set_back = one.issued_at > now;
        return clock_set_back || one.issued_at <= now - EnrolmentStore::kUnderWay;
      }));
}

States CapfInventory::between(const std::string& after, const std::string& last) const {
  return read(database_, {after, last, "phone > :after and phone <= :last"});
}

CapfState CapfInventory::of(const std::string& device) const {
  States states = read(database_, {device, device, "phone >= :after and phone <= :last"});
  return std::move(states[device]);
}

}  // namespace ringfence::core

// Range scans along the indexes of capf.db that begin with the device's name.
#include "core/phones/capf_inventory.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/phones/enrolment_rows.h"
#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

using States = std::unordered_map<std::string, CapfState>;

/// Range is what a scan covers: names above `after`, or `after` itself, up to and with `last`.
struct Range {
  const std::string& after;
  const std::string& last;
  std::string condition;
};

/// each calls `take` with every row that `select` brings into `row`.
template <typename Row, typename Take>
void each(Database::Prepared& select, const Row& row, const Take& take) {
  for (bool more = select.execute(); more; more = select.fetch()) take(row);
}

/// certificates returns the rows that `condition` selects further, in the order of `order`, without
/// the certificates themselves: they are most of a scan's bytes.
std::vector<IssuedCertificate> certificates(Database& database, const Range& range,
                                            const std::string& condition,
                                            const std::string& order) {
  IssuedCertificate row;
  Database::Prepared select(
      database,
      "select phone, request, serial, subject, issuer, key, not_after, issued_at,"
      " delivered_at, confirmed_at, missing_at, peer, elsewhere, proof from issued where " +
          range.condition + " and " + condition + " order by " + order);
  select.into(row.phone).into(row.request).into(row.serial).into(row.subject).into(row.issuer);
  select.into(row.key).into(row.not_after).into(row.issued_at).into(row.delivered_at);
  select.into(row.confirmed_at).into(row.missing_at).into(row.peer).into(row.elsewhere);
  select.into(row.proof).use(range.after).use(range.last);
  std::vector<IssuedCertificate> rows;
  each(select, row, [&](const IssuedCertificate& one) { rows.push_back(one); });
  return rows;
}

void read_outcomes(Database& database, const Range& range, States& states) {
  std::string seen;
  for (Outcome& row :
       rows_of<Outcome>(database, "where " + range.condition + " order by phone, request desc",
                        range.after, range.last)) {
    if (row.phone == seen) continue;
    seen = row.phone;
    states[seen].last = std::move(row);
  }
}

void read_csrs(Database& database, const Range& range, States& states) {
  for (PendingCsr& row :
       rows_of<PendingCsr>(database, "where " + range.condition, range.after, range.last)) {
    const std::string phone = row.phone;
    states[phone].csr = std::move(row);
  }
}

void read_shown(Database& database, const Range& range, States& states) {
  std::string phone;
  ShownLsc row;
  Database::Prepared select(
      database,
      "select phone, at, serial, subject, issuer from shown_lsc where " + range.condition);
  select.into(phone).into(row.at).into(row.serial).into(row.subject).into(row.issuer);
  select.use(range.after).use(range.last);
  each(select, row, [&](const ShownLsc& one) { states[phone].shown = one; });
}

States read(Database& database, const Range& range) {
  return database.read([&](soci::session& /*sql*/) {
    States states;
    std::string seen;
    for (IssuedCertificate& one : certificates(database, range, std::string(kHeld),
                                               fmt::format("phone, {}", kLastHeldFirst))) {
      if (one.phone == seen) continue;
      seen = one.phone;
      if (!one.missing_at) states[seen].held = std::move(one);
    }
    for (IssuedCertificate& one :
         certificates(database, range, std::string(kUnconfirmed), "phone, sequence desc"))
      states[one.phone].unconfirmed.push_back(std::move(one));
    read_outcomes(database, range, states);
    read_csrs(database, range, states);
    read_shown(database, range, states);
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

// The journal of CAPF: what is read.
#include <algorithm>

#include <fmt/format.h>

#include "core/phones/enrolment_rows.h"
#include "core/phones/enrolment_store.h"
#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

/// kLastHeld selects the last of a phone's certificates that it said it holds; it may be missing.
const std::string kLastHeld =
    fmt::format("where {} and phone = :phone order by {} limit 1", kHeld, kLastHeldFirst);
/// As proves_phone has it.
const std::string kLastProven = fmt::format(
    "where {} and phone = :phone and proof <> 'null-string' and (proof <> '' or elsewhere = '')"
    " order by {} limit 1",
    kHeld, kLastHeldFirst);

}  // namespace

std::optional<IssuedCertificate> EnrolmentStore::certificate(BytesView serial) const {
  const Bytes key(serial.begin(), serial.end());
  return row_of<IssuedCertificate>(database_, "where serial = :serial", key);
}

std::optional<PendingCsr> EnrolmentStore::csr(std::string_view phone) const {
  const std::string key(phone);
  return row_of<PendingCsr>(database_, "where phone = :phone", key);
}

std::vector<PendingCsr> EnrolmentStore::csrs() const {
  return rows_of<PendingCsr>(database_, "order by phone");
}

std::vector<CapfEvent> EnrolmentStore::events(std::string_view phone) const {
  const std::string key(phone);
  return rows_of<CapfEvent>(database_, "where phone = :phone order by id desc", key);
}

std::optional<Outcome> EnrolmentStore::outcome(std::string_view phone, std::int64_t request) const {
  const std::string key(phone);
  return row_of<Outcome>(database_, "where phone = :phone and request = :request", key, request);
}

std::optional<IssuedCertificate> EnrolmentStore::held(std::string_view phone) const {
  const std::string key(phone);
  auto last = row_of<IssuedCertificate>(database_, kLastHeld, key);
  if (last && last->missing_at) return std::nullopt;
  return last;
}

std::optional<IssuedCertificate> EnrolmentStore::held_proven(std::string_view phone) const {
  const std::string key(phone);
  return row_of<IssuedCertificate>(database_, kLastProven, key);
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
    if (!now)
      return rows_of<IssuedCertificate>(database_,
                                        fmt::format("where {}{}", kUnconfirmed, kOldestFirst));
    const Time latest = *now - kUnderWay;
    return rows_of<IssuedCertificate>(
        database_, fmt::format("where {}{}{}", kUnconfirmed, kNotUnderWay, kOldestFirst), latest,
        *now);
  });
}

Issues EnrolmentStore::issues(std::string_view phone, std::int64_t request,
                              std::string_view address) const {
  const std::string key(phone);
  const std::string to = address.empty() ? "" : std::string(address) + ":";
  return database_.read([&](soci::session& /*sql*/) {
    Issues issues;
    Database::Prepared select(
        database_,
        "select count(*), max(issued_at) from issued where phone = :phone"
        " and request = :request and substr(peer, 1, length(:address)) = :same");
    select.into(issues.count).into(issues.last).use(key).use(request).use(to).use(to).execute();
    return issues;
  });
}

std::optional<std::string> EnrolmentStore::key_holder(std::string_view key_hash, BytesView spki,
                                                      std::string_view phone, Time now) const {
  const std::string hash(key_hash);
  const Bytes key(spki.begin(), spki.end());
  const std::string name(phone);
  return database_.read([&](soci::session& /*sql*/) -> std::optional<std::string> {
    std::string holder;
    if (!hash.empty() &&
        Database::Prepared(database_,
                           "select phone from issued where key_hash = :hash and key_hash <> ''"
                           " and phone <> :phone and deleted_at is null and cleared_at is null"
                           " and not_after > :now limit 1")
            .into(holder)
            .use(hash)
            .use(name)
            .use(now)
            .execute())
      return holder;
    if (!key.empty() &&
        Database::Prepared(database_,
                           "select phone from csr where spki = :spki and phone <> :phone limit 1")
            .into(holder)
            .use(key)
            .use(name)
            .execute())
      return holder;
    return std::nullopt;
  });
}

std::vector<IssuedCertificate> EnrolmentStore::without_key_hash(std::size_t count) const {
  const auto most = static_cast<long long>(count);
  return rows_of<IssuedCertificate>(database_, "where key_hash = '' limit :count", most);
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

std::vector<Outcome> EnrolmentStore::last_outcomes(std::string_view phone,
                                                   std::size_t count) const {
  const std::string key(phone);
  const auto most = static_cast<long long>(count);
  auto rows = rows_of<Outcome>(database_, "where phone = :phone order by request desc limit :count",
                               key, most);
  std::ranges::reverse(rows);
  return rows;
}

}  // namespace ringfence::core

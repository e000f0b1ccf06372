#include "core/phones/security_event_store.h"

#include <fmt/format.h>

#include "core/storage/columns.h"

namespace ringfence::core {
namespace {

void insert(Database& database, const CapfEvent& event) {
  Database::Prepared(database,
                     "insert into security_event (at, phone, peer, kind, detail) values"
                     " (:at, :phone, :peer, :kind, :detail)")
      .use(event.at)
      .use(event.phone)
      .use(event.peer)
      .use(event.kind)
      .use(event.detail)
      .execute();
}

/// Counted is what came too fast of one kind about one phone.
struct Counted {
  std::string phone;
  std::string kind;
  std::string peer;  ///< of the last one
  long long count = 0;
  Time since;
};

/// write_down makes an event of each counted one that `condition` selects.
template <typename... Keys>
void write_down(Database& database, Time now, const std::string& condition, const Keys&... keys) {
  std::vector<Counted> all;
  {
    Counted row;
    Database::Prepared select(database,
                              "select phone, kind, peer, count, since from security_more where " +
                                  condition);
    select.into(row.phone).into(row.kind).into(row.peer).into(row.count).into(row.since);
    (select.use(keys), ...);
    for (bool more = select.execute(); more; more = select.fetch()) all.push_back(row);
  }
  for (const Counted& one : all) {
    insert(database, {0, now, one.phone, one.peer, one.kind,
                      fmt::format("and {} more since {}, the last one from {}", one.count,
                                  to_iso(one.since), one.peer)});
    Database::Prepared(database, "delete from security_more where phone = :phone and kind = :kind")
        .use(one.phone)
        .use(one.kind)
        .execute();
  }
}

}  // namespace

/// has_room counts by `at`: after a clock was set back it counts more than it should, and nothing
/// is lost by that.
bool SecurityEventStore::has_room(const CapfEvent& event) {
  const Time since = event.at - kWindow;
  long long of_phone = 0;
  long long in_all = 0;
  Database::Prepared(database_,
                     "select count(*) from security_event where phone = :phone and kind = :kind"
                     " and at > :since")
      .into(of_phone)
      .use(event.phone)
      .use(event.kind)
      .use(since)
      .execute();
  if (of_phone >= kMostOfAPhone) return false;
  Database::Prepared(database_, "select count(*) from security_event where at > :since")
      .into(in_all)
      .use(since)
      .execute();
  return in_all < kMostInAll;
}

void SecurityEventStore::add(const CapfEvent& event) {
  write([&](soci::session& /*sql*/) {
    if (has_room(event)) {
      write_down(database_, event.at, "phone = :phone and kind = :kind", event.phone, event.kind);
      insert(database_, event);
      return;
    }
    Database::Prepared(database_,
                       "insert into security_more (phone, kind, count, since, peer) values"
                       " (:phone, :kind, 1, :since, :peer) on conflict (phone, kind) do update"
                       " set count = security_more.count + 1, peer = excluded.peer")
        .use(event.phone)
        .use(event.kind)
        .use(event.at)
        .use(event.peer)
        .execute();
  });
}

void SecurityEventStore::flush(Time now) {
  const Time over = now - kWindow;
  write([&](soci::session& /*sql*/) {
    write_down(database_, now, "since <= :over or since > :now", over, now);
  });
}

std::vector<CapfEvent> SecurityEventStore::after(std::int64_t id, std::size_t count) const {
  const long long from = id;
  const auto most = static_cast<long long>(count);
  return database_.read([&](soci::session& /*sql*/) {
    CapfEvent row;
    long long number = 0;
    Database::Prepared select(database_,
                              "select id, at, phone, peer, kind, detail from security_event"
                              " where id > :after order by id limit :count");
    select.into(number).into(row.at).into(row.phone).into(row.peer).into(row.kind);
    select.into(row.detail).use(from).use(most);
    std::vector<CapfEvent> rows;
    for (bool more = select.execute(); more; more = select.fetch()) {
      row.id = number;
      rows.push_back(row);
    }
    return rows;
  });
}

}  // namespace ringfence::core

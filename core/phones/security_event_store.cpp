#include "core/phones/security_event_store.h"

#include <algorithm>
#include <iterator>
#include <sstream>

#include <fmt/format.h>

#include "core/storage/rows.h"

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
  std::string peers;     ///< the first addresses, apart by blanks
  long long others = 0;  ///< how many came from other ones
};

/// counted returns what `condition` selects.
template <typename... Keys>
std::vector<Counted> counted(Database& database, const std::string& condition,
                             const Keys&... keys) {
  std::vector<Counted> all;
  Counted row;
  Database::Prepared select(
      database, "select phone, kind, peer, count, since, peers, others from security_more where " +
                    condition);
  select.into(row.phone).into(row.kind).into(row.peer).into(row.count).into(row.since);
  select.into(row.peers).into(row.others);
  (select.use(keys), ...);
  for (bool more = select.execute(); more; more = select.fetch()) all.push_back(row);
  return all;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

/// note_peer adds the address of an event to those that are named, or counts it.
void note_peer(Counted& row, const std::string& peer) {
  const std::string address = peer.substr(0, peer.rfind(':'));
  const std::vector<std::string> known = words_of(row.peers);
  if (std::ranges::find(known, address) != known.end()) return;
  if (known.size() < SecurityEventStore::kAddresses && address.find(' ') == address.npos)
    row.peers += (row.peers.empty() ? "" : " ") + address;
  else
    ++row.others;
}

void save(Database& database, const Counted& row) {
  Database::Prepared(database,
                     "insert into security_more (phone, kind, count, since, peer, peers, others)"
                     " values (:phone, :kind, :count, :since, :peer, :peers, :others)"
                     " on conflict (phone, kind) do update set count = excluded.count,"
                     " peer = excluded.peer, peers = excluded.peers, others = excluded.others")
      .use(row.phone)
      .use(row.kind)
      .use(row.count)
      .use(row.since)
      .use(row.peer)
      .use(row.peers)
      .use(row.others)
      .execute();
}

/// sentence tells what was counted, and from where it came.
std::string sentence(const Counted& row) {
  std::string text = fmt::format("and {} more since {}, the last one from {}", row.count,
                                 to_iso(row.since), row.peer);
  if (!row.peers.empty())
    text += fmt::format("; they came from {}", fmt::join(words_of(row.peers), ", "));
  if (row.others > 0) text += fmt::format(", and {} more from other addresses", row.others);
  return text;
}

/// write_down makes an event of each counted one that `condition` selects.
template <typename... Keys>
void write_down(Database& database, Time now, const std::string& condition, const Keys&... keys) {
  for (const Counted& one : counted(database, condition, keys...)) {
    insert(database, {0, now, one.phone, one.peer, one.kind, sentence(one)});
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
    const auto before =
        counted(database_, "phone = :phone and kind = :kind", event.phone, event.kind);
    Counted row =
        before.empty() ? Counted{event.phone, event.kind, "", 0, event.at, "", 0} : before.front();
    ++row.count;
    row.peer = event.peer;
    note_peer(row, event.peer);
    save(database_, row);
  });
}

std::size_t SecurityEventStore::prune(Time before, std::int64_t audited, std::size_t most) {
  const auto limit = static_cast<std::int64_t>(most);
  return write([&](soci::session& /*sql*/) {
    Database::Prepared erase(database_,
                             "delete from security_event where id in (select id from"
                             " security_event where at < :before and id <= :audited"
                             " order by id limit :most)");
    erase.use(before).use(audited).use(limit).execute();
    return static_cast<std::size_t>(erase.changed());
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

// Fetches as rows.
#include "core/phones/fetch_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

constexpr int kPeersOfDevice = 8;
constexpr int kPeersOfStrangers = 1000;

std::string kind_of(std::string_view file) {
  if (file.starts_with("ITL")) return "itl";
  if (file.starts_with("CTL")) return "ctl";
  return "config";
}

/// rows returns the fetches that `condition` selects; `key` is bound in it where it is given.
std::vector<Fetch> fetches_of(soci::session& sql, const std::string& condition,
                              const std::string* key = nullptr) {
  Fetch row;
  soci::statement select(sql);
  select.exchange(soci::into(row.device));
  select.exchange(soci::into(row.file));
  select.exchange(soci::into(row.sha1));
  select.exchange(soci::into(row.peer));
  select.exchange(soci::into(row.at));
  select.exchange(soci::into(row.stamp));
  if (key != nullptr) select.exchange(soci::use(*key));
  select.alloc();
  select.prepare("select device, file, sha1, peer, at, stamp from fetch where " + condition);
  select.define_and_bind();
  select.execute();
  std::vector<Fetch> result;
  while (select.fetch()) result.push_back(row);
  return result;
}

std::optional<Fetch> newest(Database& database, std::string_view kind, std::string_view device) {
  const std::string name(device);
  const std::string condition =
      "kind = '" + std::string(kind) + "' and device = :device order by sequence desc limit 1";
  return database.read([&](soci::session& sql) -> std::optional<Fetch> {
    auto found = fetches_of(sql, condition, &name);
    if (found.empty()) return std::nullopt;
    return found.front();
  });
}

/// newest_of_each keeps the first row of each device; `fetches` stand by device, newest first.
std::vector<Fetch> newest_of_each(std::vector<Fetch> fetches) {
  const auto same = [](const Fetch& a, const Fetch& b) { return a.device == b.device; };
  fetches.erase(std::unique(fetches.begin(), fetches.end(), same), fetches.end());
  return fetches;
}

/// forget_old_peers bounds the rows of each device and kind, whoever fetches in its name.
void forget_old_peers(soci::session& sql,
                      const std::set<std::pair<std::string, std::string>>& touched) {
  std::string device;
  std::string kind;
  int most = 0;
  soci::statement erase =
      (sql.prepare << "delete from fetch where device = :device and kind = :kind and peer not in"
                      " (select peer from fetch where device = :device and kind = :kind"
                      " order by sequence desc limit :most)",
       soci::use(device, "device"), soci::use(kind, "kind"), soci::use(most, "most"));
  for (const auto& [of_device, of_kind] : touched) {
    device = of_device;
    kind = of_kind;
    most = device.empty() ? kPeersOfStrangers : kPeersOfDevice;
    erase.execute(true);
  }
}

}  // namespace

void FetchStore::save(const std::vector<Fetch>& fetches) {
  database_.write([&](soci::session& sql) {
    Fetch row;
    std::string kind;
    soci::statement insert =
        (sql.prepare << "insert into fetch (device, kind, peer, file, sha1, at, stamp, sequence)"
                        " values (:device, :kind, :peer, :file, :sha1, :at, :stamp,"
                        " (select coalesce(max(sequence), 0) + 1 from fetch))"
                        " on conflict (device, kind, peer) do update set file = excluded.file,"
                        " sha1 = excluded.sha1, at = excluded.at, stamp = excluded.stamp,"
                        " sequence = excluded.sequence",
         soci::use(row.device), soci::use(kind), soci::use(row.peer), soci::use(row.file),
         soci::use(row.sha1), soci::use(row.at), soci::use(row.stamp));
    std::set<std::pair<std::string, std::string>> touched;
    for (const Fetch& fetch : fetches) {
      row = fetch;
      kind = kind_of(fetch.file);
      insert.execute(true);
      touched.emplace(row.device, kind);
    }
    forget_old_peers(sql, touched);
  });
}

std::size_t FetchStore::prune(Time before, std::size_t most) {
  const auto limit = static_cast<std::int64_t>(most);
  return database_.write([&](soci::session& /*sql*/) {
    Database::Prepared erase(
        database_,
        "delete from fetch where (device, kind, peer) in (select device, kind, peer from fetch"
        " as old where at < :before and (device = '' or exists (select 1 from fetch as newer"
        " where newer.device = old.device and newer.kind = old.kind"
        " and newer.sequence > old.sequence)) order by at limit :most)");
    erase.use(before).use(limit).execute();
    return static_cast<std::size_t>(erase.changed());
  });
}

std::optional<Fetch> FetchStore::last_itl(std::string_view device) const {
  return newest(database_, "itl", device);
}

std::optional<Fetch> FetchStore::last_config(std::string_view device) const {
  return newest(database_, "config", device);
}

std::vector<Fetch> FetchStore::of(std::string_view device) const {
  const std::string name(device);
  return database_.read([&](soci::session& sql) {
    return fetches_of(sql, "device = :device order by sequence desc", &name);
  });
}

std::vector<Fetch> FetchStore::last_itls() const {
  return database_.read([](soci::session& sql) {
    return newest_of_each(
        fetches_of(sql, "kind = 'itl' and device <> '' order by device, sequence desc"));
  });
}

}  // namespace ringfence::core

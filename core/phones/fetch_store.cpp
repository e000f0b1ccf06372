// Fetches as rows.
#include "core/phones/fetch_store.h"

#include <set>
#include <utility>

#include "core/storage/columns.h"

namespace ringfence::core {
namespace {

constexpr int kPeersOfDevice = 8;
constexpr int kPeersOfStrangers = 1000;

std::string kind_of(std::string_view file) {
  if (file.starts_with("ITL")) return "itl";
  if (file.starts_with("CTL")) return "ctl";
  return "config";
}

std::vector<Fetch> itl_rows(soci::session& sql, const std::string& statement,
                            const std::string* device) {
  Fetch row;
  soci::statement select(sql);
  select.exchange(soci::into(row.device));
  select.exchange(soci::into(row.file));
  select.exchange(soci::into(row.sha1));
  select.exchange(soci::into(row.peer));
  select.exchange(soci::into(row.at));
  if (device != nullptr) select.exchange(soci::use(*device));
  select.alloc();
  select.prepare("select device, file, sha1, peer, at from fetch where kind = 'itl' and " +
                 statement);
  select.define_and_bind();
  select.execute();
  std::vector<Fetch> result;
  while (select.fetch()) result.push_back(row);
  return result;
}

/// forget_old_peers bounds the rows of each device and kind, whoever fetches in its name.
void forget_old_peers(soci::session& sql,
                      const std::set<std::pair<std::string, std::string>>& touched) {
  std::string device;
  std::string kind;
  int most = 0;
  soci::statement erase =
      (sql.prepare << "delete from fetch where device = :device and kind = :kind and peer in"
                      " (select peer from fetch where device = :device and kind = :kind"
                      " order by at desc, peer limit -1 offset :most)",
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
        (sql.prepare << "insert into fetch (device, kind, peer, file, sha1, at)"
                        " values (:device, :kind, :peer, :file, :sha1, :at)"
                        " on conflict (device, kind, peer) do update set file = excluded.file,"
                        " sha1 = excluded.sha1, at = excluded.at",
         soci::use(row.device), soci::use(kind), soci::use(row.peer), soci::use(row.file),
         soci::use(row.sha1), soci::use(row.at));
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

std::optional<Fetch> FetchStore::last_itl(std::string_view device) const {
  const std::string name(device);
  return database_.read([&](soci::session& sql) -> std::optional<Fetch> {
    auto rows = itl_rows(sql, "device = :device order by at desc, peer limit 1", &name);
    if (rows.empty()) return std::nullopt;
    return rows.front();
  });
}

std::vector<Fetch> FetchStore::last_itls() const {
  return database_.read([](soci::session& sql) {
    std::vector<Fetch> newest;
    for (Fetch& fetch : itl_rows(sql, "device <> '' order by device, at desc, peer", nullptr))
      if (newest.empty() || newest.back().device != fetch.device)
        newest.push_back(std::move(fetch));
    return newest;
  });
}

}  // namespace ringfence::core

// Trust signs as rows.
#include "core/phones/trust_sign.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

constexpr TrustSignKind kKinds[] = {
    TrustSignKind::list_fetched, TrustSignKind::signed_config, TrustSignKind::plain_config,
    TrustSignKind::tls_trusted,  TrustSignKind::tls_refused,   TrustSignKind::tls_left,
    TrustSignKind::tvs_vouched,  TrustSignKind::identified,    TrustSignKind::tvs_denied,
    TrustSignKind::registered,   TrustSignKind::itl_reported,  TrustSignKind::itl_refused,
};

/// kind_named returns nothing for what a later version may have written.
std::optional<TrustSignKind> kind_named(std::string_view text) {
  for (const TrustSignKind kind : kKinds)
    if (word(kind) == text) return kind;
  return std::nullopt;
}

constexpr std::string_view kColumns = "select id, device, kind, peer, subject, detail, at";

/// SignRow is a sign as its columns are.
struct SignRow {
  long long id = 0;  // of the first row on
  std::string kind;
  long long at = 0;
  TrustSign sign;

  void into(soci::statement& select) {
    select.exchange(soci::into(id));
    select.exchange(soci::into(sign.device));
    select.exchange(soci::into(kind));
    select.exchange(soci::into(sign.peer));
    select.exchange(soci::into(sign.subject));
    select.exchange(soci::into(sign.detail));
    select.exchange(soci::into(at));
  }
};

TrustSignStore::Page page_of(soci::statement& select, SignRow& row) {
  select.define_and_bind();
  select.execute();
  TrustSignStore::Page page;
  while (select.fetch()) {
    page.last = row.id;
    const auto kind = kind_named(row.kind);
    if (!kind) continue;
    row.sign.kind = *kind;
    row.sign.at = TrustSign::Time(std::chrono::milliseconds(row.at));
    page.signs.push_back(row.sign);
  }
  return page;
}

/// where returns the signs that `condition` selects; the values are bound in its order.
std::vector<TrustSign> where(Database& database, const std::string& condition,
                             const std::vector<std::string>& values) {
  return database.read([&](soci::session& sql) {
    SignRow row;
    soci::statement select(sql);
    row.into(select);
    for (const std::string& value : values) select.exchange(soci::use(value));
    select.alloc();
    select.prepare(std::string(kColumns) + " from trust_sign where " + condition);
    return page_of(select, row).signs;
  });
}

/// Touched is what a save may have made too many of.
struct Touched {
  std::set<std::tuple<std::string, std::string, std::string>> peers;  // device, kind, peer
  std::set<std::pair<std::string, std::string>> devices;              // device, kind
};

/// forget bounds the rows, whoever acts in a device's name.
void forget(soci::session& sql, const Touched& touched) {
  std::string device;
  std::string kind;
  std::string peer;
  soci::statement old_subjects =
      (sql.prepare
           << "delete from trust_sign where device = :device and kind = :kind and peer = :peer"
              " and id not in (select id from trust_sign where"
              " device = :device and kind = :kind and peer = :peer order by id desc"
              " limit " +
                  std::to_string(TrustSignStore::kSubjects) + ")",
       soci::use(device, "device"), soci::use(kind, "kind"), soci::use(peer, "peer"));
  for (const auto& [of_device, of_kind, of_peer] : touched.peers) {
    device = of_device;
    kind = of_kind;
    peer = of_peer;
    old_subjects.execute(true);
  }
  soci::statement old_peers =
      (sql.prepare
           << "delete from trust_sign where device = :device and kind = :kind and peer not in"
              " (select peer from trust_sign where device = :device and kind = :kind"
              " group by peer order by max(id) desc limit " +
                  std::to_string(TrustSignStore::kPeers) + ")",
       soci::use(device, "device"), soci::use(kind, "kind"));
  soci::statement old_strangers =
      (sql.prepare << "delete from trust_sign where device = '' and kind = :kind and id not in"
                      " (select id from trust_sign where"
                      " device = '' and kind = :kind order by id desc limit " +
                          std::to_string(TrustSignStore::kStrangers) + ")",
       soci::use(kind, "kind"));
  for (const auto& [of_device, of_kind] : touched.devices) {
    device = of_device;
    kind = of_kind;
    if (device.empty())
      old_strangers.execute(true);
    else
      old_peers.execute(true);
  }
}

}  // namespace

std::string_view word(TrustSignKind kind) noexcept {
  switch (kind) {
    case TrustSignKind::list_fetched: return "list_fetched";
    case TrustSignKind::signed_config: return "signed_config";
    case TrustSignKind::plain_config: return "plain_config";
    case TrustSignKind::tls_trusted: return "tls_trusted";
    case TrustSignKind::identified: return "identified";
    case TrustSignKind::tls_refused: return "tls_refused";
    case TrustSignKind::tls_left: return "tls_left";
    case TrustSignKind::tvs_vouched: return "tvs_vouched";
    case TrustSignKind::tvs_denied: return "tvs_denied";
    case TrustSignKind::registered: return "registered";
    case TrustSignKind::itl_reported: return "itl_reported";
    case TrustSignKind::itl_refused: return "itl_refused";
  }
  return "";
}

TrustSign::Time sign_time() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string serial_text(BytesView serial) {
  while (serial.size() > 1 && serial.front() == 0) serial = serial.subspan(1);
  return to_hex(serial, Case::upper);
}

std::string address_text(std::string_view peer) {
  constexpr std::string_view kMapped = "::ffff:";
  const bool bracketed = peer.starts_with('[');
  // A bare IPv6 address has more than one colon and no port.
  const bool has_port = bracketed || std::count(peer.begin(), peer.end(), ':') == 1;
  if (has_port) peer = peer.substr(0, bracketed ? peer.find(']') : peer.rfind(':'));
  if (bracketed) peer.remove_prefix(1);
  if (peer.starts_with(kMapped) && peer.find('.') != std::string_view::npos)
    peer.remove_prefix(kMapped.size());
  return std::string(peer);
}

void TrustSignStore::save(const std::vector<TrustSign>& signs) {
  database_.write([&](soci::session& sql) {
    Touched touched;
    for (TrustSign sign : signs) {
      sign.detail.resize(std::min(sign.detail.size(), TrustSign::kMaxDetail));
      const std::string kind(word(sign.kind));
      const std::int64_t at = sign.at.time_since_epoch().count();
      // A repeated sign becomes the newest row: it gets the next id.
      Database::Prepared(database_,
                         "delete from trust_sign where device = :device and kind = :kind"
                         " and peer = :peer and subject = :subject")
          .use(sign.device)
          .use(kind)
          .use(sign.peer)
          .use(sign.subject)
          .execute();
      Database::Prepared(database_,
                         "insert into trust_sign (device, kind, peer, subject, detail, at)"
                         " values (:device, :kind, :peer, :subject, :detail, :at)")
          .use(sign.device)
          .use(kind)
          .use(sign.peer)
          .use(sign.subject)
          .use(sign.detail)
          .use(at)
          .execute();
      touched.peers.emplace(sign.device, kind, sign.peer);
      touched.devices.emplace(sign.device, kind);
    }
    forget(sql, touched);
  });
}

// By the clock: signs of four daemons have no other common order. One that was set back makes a
// phone look as it was until it has booted once more; what must not wait for that asks `last`.
std::vector<TrustSign> TrustSignStore::of(std::string_view device) const {
  return where(database_, "device = :device order by at, id", {std::string(device)});
}

std::optional<TrustSign> TrustSignStore::last(std::string_view device, TrustSignKind kind) const {
  auto found = where(database_, "device = :device and kind = :kind order by id desc limit 1",
                     {std::string(device), std::string(word(kind))});
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<TrustSign> TrustSignStore::between(const std::string& first,
                                               const std::string& last) const {
  return where(database_, "device >= :first and device <= :last and device <> '' order by device",
               {first, last});
}

std::vector<TrustSign> TrustSignStore::of_peer(std::string_view peer) const {
  return where(database_, "device = '' and peer = :peer order by at, id", {std::string(peer)});
}

TrustSignStore::Page TrustSignStore::after(std::int64_t mark, std::size_t count) const {
  return database_.read([&](soci::session& sql) {
    SignRow row;
    const long long from = mark;
    soci::statement select(sql);
    row.into(select);
    select.exchange(soci::use(from));
    select.alloc();
    select.prepare(std::string(kColumns) + " from trust_sign where id > :mark order by id limit " +
                   std::to_string(count));
    Page page = page_of(select, row);
    if (row.id == 0) page.last = mark;
    return page;
  });
}

}  // namespace ringfence::core

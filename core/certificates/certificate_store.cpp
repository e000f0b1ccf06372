// Certificates as rows.
#include "core/certificates/certificate_store.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

constexpr long long kThis = kThisNode;  // SOCI knows no std::int64_t

std::vector<OwnCertificate> own_rows(soci::session& sql, const std::string* unit) {
  OwnCertificate row;
  std::string name;
  std::string der;
  long long version = 0;
  soci::statement select(sql);
  select.exchange(soci::into(name));
  select.exchange(soci::into(der));
  select.exchange(soci::into(row.key.label));
  select.exchange(soci::into(version));
  select.exchange(soci::into(row.created));
  select.exchange(soci::into(row.description));
  select.exchange(soci::use(kThis));
  if (unit != nullptr) select.exchange(soci::use(*unit));
  select.alloc();
  select.prepare(std::string("select unit, der, key_label, key_version, created, description"
                             " from certificate where node = :node") +
                 (unit != nullptr ? " and unit = :unit" : ""));
  select.define_and_bind();
  select.execute();
  std::vector<OwnCertificate> rows;
  while (select.fetch()) {
    const auto known = unit_named(name);
    if (!known)
      throw Error(Code::malformed, fmt::format("the stored certificate of {} is of no unit", name));
    row.unit = *known;
    row.der = from_hex(der);
    row.key.version = static_cast<std::uint32_t>(version);
    rows.push_back(row);
  }
  return rows;
}

std::vector<TrustedCertificate> trusted_rows(soci::session& sql, const std::string* store) {
  TrustedCertificate row;
  std::string der;
  soci::statement select(sql);
  select.exchange(soci::into(row.store));
  select.exchange(soci::into(row.file));
  select.exchange(soci::into(der));
  select.exchange(soci::into(row.added));
  select.exchange(soci::into(row.description));
  select.exchange(soci::into(row.purpose));
  if (store != nullptr) select.exchange(soci::use(*store));
  select.alloc();
  select.prepare(std::string("select store, file, der, added, description, purpose"
                             " from trust_certificate") +
                 (store != nullptr ? " where store = :store" : "") + " order by store, file");
  select.define_and_bind();
  select.execute();
  std::vector<TrustedCertificate> rows;
  while (select.fetch()) {
    row.der = from_hex(der);
    rows.push_back(row);
  }
  return rows;
}

void insert_trusted(soci::session& sql, const TrustedCertificate& entry) {
  const std::string der = to_hex(entry.der);
  sql << "insert into trust_certificate (store, file, der, added, description, purpose)"
         " values (:store, :file, :der, :added, :description, :purpose)"
         " on conflict (store, file) do update set der = excluded.der, added = excluded.added,"
         " description = excluded.description, purpose = excluded.purpose",
      soci::use(entry.store), soci::use(entry.file), soci::use(der), soci::use(entry.added),
      soci::use(entry.description), soci::use(entry.purpose);
}

}  // namespace

std::optional<OwnCertificate> CertificateStore::own(Unit unit) const {
  const std::string key(name(unit));
  return database_.read([&](soci::session& sql) -> std::optional<OwnCertificate> {
    auto rows = own_rows(sql, &key);
    if (rows.empty()) return std::nullopt;
    return rows.front();
  });
}

std::vector<OwnCertificate> CertificateStore::all_own() const {
  return database_.read([](soci::session& sql) {
    const auto rows = own_rows(sql, nullptr);
    std::vector<OwnCertificate> ordered;
    for (const Unit unit : kUnits)
      for (const OwnCertificate& row : rows)
        if (row.unit == unit) ordered.push_back(row);
    return ordered;
  });
}

std::vector<OtherCertificate> CertificateStore::others() const {
  return database_.read([](soci::session& sql) {
    long long node = 0;
    std::string unit;
    std::string der;
    soci::statement select =
        (sql.prepare << "select node, unit, der from certificate where node <> :this order by node",
         soci::into(node), soci::into(unit), soci::into(der), soci::use(kThis));
    select.execute();
    std::vector<OtherCertificate> rows;
    while (select.fetch())
      if (const auto known = unit_named(unit)) rows.push_back({node, *known, from_hex(der)});
    std::ranges::stable_sort(rows, {}, [](const OtherCertificate& one) {
      return std::pair(one.node, std::ranges::find(kUnits, one.unit) - kUnits.begin());
    });
    return rows;
  });
}

std::vector<TrustedCertificate> CertificateStore::trusted() const {
  return database_.read([](soci::session& sql) { return trusted_rows(sql, nullptr); });
}

std::vector<TrustedCertificate> CertificateStore::trusted(std::string_view store) const {
  const std::string key(store);
  return database_.read([&](soci::session& sql) { return trusted_rows(sql, &key); });
}

void CertificateStore::replace(const OwnCertificate& certificate,
                               const std::vector<TrustedCertificate>& trusted) {
  const std::string unit(name(certificate.unit));
  const std::string own_der = to_hex(certificate.der);
  const long long version = certificate.key.version;
  database_.write([&](soci::session& sql) {
    sql << "insert into certificate"
           " (node, unit, der, key_label, key_version, created, description)"
           " values (:node, :unit, :der, :label, :version, :created, :description)"
           " on conflict (node, unit) do update set der = excluded.der, key_label = "
           "excluded.key_label,"
           " key_version = excluded.key_version, created = excluded.created,"
           " description = excluded.description",
        soci::use(kThis), soci::use(unit), soci::use(own_der), soci::use(certificate.key.label),
        soci::use(version), soci::use(certificate.created), soci::use(certificate.description);
    for (const TrustedCertificate& entry : trusted) insert_trusted(sql, entry);
  });
}

void CertificateStore::trust(const std::vector<TrustedCertificate>& added,
                             const std::vector<TrustedCertificate>& displaced) {
  database_.write([&](soci::session& sql) {
    for (const TrustedCertificate& entry : displaced)
      sql << "delete from trust_certificate where store = :store and file = :file",
          soci::use(entry.store), soci::use(entry.file);
    for (const TrustedCertificate& entry : added) insert_trusted(sql, entry);
  });
}

}  // namespace ringfence::core

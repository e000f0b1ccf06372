// Pending requests as rows.
#include "core/certificates/csr_store.h"

#include "core/storage/rows.h"

namespace ringfence::core {

std::optional<PendingRequest> CsrStore::find(Unit unit) const {
  const std::string key(name(unit));
  return database_.read([&](soci::session& sql) -> std::optional<PendingRequest> {
    PendingRequest row;
    std::string der;
    long long version = 0;
    sql << "select der, key_label, key_version, created from csr where unit = :unit",
        soci::into(der), soci::into(row.key.label), soci::into(version), soci::into(row.created),
        soci::use(key);
    if (!sql.got_data()) return std::nullopt;
    row.unit = unit;
    row.der = from_hex(der);
    row.key.version = static_cast<std::uint32_t>(version);
    return row;
  });
}

std::vector<PendingRequest> CsrStore::all() const {
  std::vector<PendingRequest> found;
  for (const Unit unit : kUnits)
    if (auto request = find(unit)) found.push_back(std::move(*request));
  return found;
}

void CsrStore::save(const PendingRequest& request) {
  const std::string unit(name(request.unit));
  const std::string der = to_hex(request.der);
  const long long version = request.key.version;
  database_.write([&](soci::session& sql) {
    sql << "insert into csr (unit, der, key_label, key_version, created)"
           " values (:unit, :der, :label, :version, :created)"
           " on conflict (unit) do update set der = excluded.der, key_label = excluded.key_label,"
           " key_version = excluded.key_version, created = excluded.created",
        soci::use(unit), soci::use(der), soci::use(request.key.label), soci::use(version),
        soci::use(request.created);
  });
}

void CsrStore::remove(Unit unit) {
  const std::string key(name(unit));
  database_.write(
      [&](soci::session& sql) { sql << "delete from csr where unit = :unit", soci::use(key); });
}

}  // namespace ringfence::core

// Phone reports as rows.
#include "core/phones/phone_report_store.h"

#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

std::vector<PhoneReport> rows(soci::session& sql, const std::string& condition,
                              const std::string* first = nullptr,
                              const std::string* second = nullptr) {
  PhoneReport row;
  soci::statement select(sql);
  select.exchange(soci::into(row.device));
  select.exchange(soci::into(row.address));
  select.exchange(soci::into(row.previous_address));
  select.exchange(soci::into(row.moved_at));
  select.exchange(soci::into(row.alarm));
  select.exchange(soci::into(row.cause));
  select.exchange(soci::into(row.last_reason));
  select.exchange(soci::into(row.active_load));
  select.exchange(soci::into(row.inactive_load));
  select.exchange(soci::into(row.reported_at));
  select.exchange(soci::into(row.other.address));
  select.exchange(soci::into(row.other.cause));
  select.exchange(soci::into(row.other.reason));
  select.exchange(soci::into(row.other.at));
  if (first != nullptr) select.exchange(soci::use(*first));
  if (second != nullptr) select.exchange(soci::use(*second));
  select.alloc();
  select.prepare(
      "select device, address, previous_address, moved_at, alarm, cause, last_reason, active_load,"
      " inactive_load, reported_at, other_address, other_cause, other_reason, other_at"
      " from phone_report" +
      condition + " order by device");
  select.define_and_bind();
  select.execute();
  std::vector<PhoneReport> result;
  while (select.fetch()) result.push_back(row);
  return result;
}

}  // namespace

void PhoneReportStore::save(const PhoneReport& row) {
  database_.write([&](soci::session& sql) {
    sql << "insert into phone_report (device, address, previous_address, moved_at, alarm, cause,"
           " last_reason, active_load, inactive_load, reported_at, other_address, other_cause,"
           " other_reason, other_at) values (:device, :address, :previous, :moved, :alarm, :cause,"
           " :last, :active, :inactive, :reported, :other, :other_cause, :other_reason, :other_at)"
           " on conflict (device) do update set address = excluded.address,"
           " previous_address = excluded.previous_address, moved_at = excluded.moved_at,"
           " alarm = excluded.alarm, cause = excluded.cause, last_reason = excluded.last_reason,"
           " active_load = excluded.active_load, inactive_load = excluded.inactive_load,"
           " reported_at = excluded.reported_at, other_address = excluded.other_address,"
           " other_cause = excluded.other_cause, other_reason = excluded.other_reason,"
           " other_at = excluded.other_at",
        soci::use(row.device), soci::use(row.address), soci::use(row.previous_address),
        soci::use(row.moved_at), soci::use(row.alarm), soci::use(row.cause),
        soci::use(row.last_reason), soci::use(row.active_load), soci::use(row.inactive_load),
        soci::use(row.reported_at), soci::use(row.other.address), soci::use(row.other.cause),
        soci::use(row.other.reason), soci::use(row.other.at);
  });
}

std::optional<PhoneReport> PhoneReportStore::find(std::string_view device) const {
  const std::string name(device);
  return database_.read([&](soci::session& sql) -> std::optional<PhoneReport> {
    const auto found = rows(sql, " where device = :device", &name);
    if (found.empty()) return std::nullopt;
    return found.front();
  });
}

std::vector<PhoneReport> PhoneReportStore::list() const {
  return database_.read([](soci::session& sql) { return rows(sql, ""); });
}

std::vector<PhoneReport> PhoneReportStore::list_of(const std::string& after,
                                                   const std::string& last) const {
  return database_.read([&](soci::session& sql) {
    return rows(sql, " where device > :after and device <= :last", &after, &last);
  });
}

}  // namespace ringfence::core

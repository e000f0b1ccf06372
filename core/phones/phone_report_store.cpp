// Phone reports as rows.
#include "core/phones/phone_report_store.h"

#include "core/storage/rows.h"

namespace ringfence::core {

template <>
struct Table<PhoneReport> {
  using Row = PhoneReport;
  static constexpr std::string_view name = "phone_report";
  static constexpr auto columns = std::tuple(
      Column("device", &Row::device), Column("address", &Row::address),
      Column("previous_address", &Row::previous_address), Column("moved_at", &Row::moved_at),
      Column("alarm", &Row::alarm), Column("cause", &Row::cause),
      Column("last_reason", &Row::last_reason), Column("active_load", &Row::active_load),
      Column("inactive_load", &Row::inactive_load), Column("reported_at", &Row::reported_at),
      Column(
          "other_address", [](auto& row) -> auto& { return row.other.address; }),
      Column(
          "other_cause", [](auto& row) -> auto& { return row.other.cause; }),
      Column(
          "other_reason", [](auto& row) -> auto& { return row.other.reason; }),
      Column(
          "other_at", [](auto& row) -> auto& { return row.other.at; }));
};

void PhoneReportStore::save(const PhoneReport& row) {
  database_.write([&](soci::session& /*sql*/) { save_row(database_, row, "device"); });
}

std::optional<PhoneReport> PhoneReportStore::find(std::string_view device) const {
  return row_of<PhoneReport>(database_, "where device = :device", std::string(device));
}

std::vector<PhoneReport> PhoneReportStore::list() const {
  return rows_of<PhoneReport>(database_, "order by device");
}

std::vector<PhoneReport> PhoneReportStore::list_of(const std::string& after,
                                                   const std::string& last) const {
  return rows_of<PhoneReport>(
      database_, "where device > :after and device <= :last order by device", after, last);
}

}  // namespace ringfence::core

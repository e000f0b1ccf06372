#include "core/phones/attempt_store.h"

#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

Reserve reserve_from(int number) {
  for (const Reserve one : {Reserve::seen, Reserve::likely})
    if (number == static_cast<int>(one)) return one;
  return Reserve::none;
}

}  // namespace

std::vector<Attempts> AttemptStore::of(std::string_view phone) const {
  const std::string key(phone);
  return reader_.read([&](soci::session& /*sql*/) {
    Attempts row;
    int told = 0;
    int reserved = 0;
    Database::Prepared select(
        reader_,
        "select phone, address, count, last, told, reserved from attempt where phone = :phone");
    select.into(row.phone).into(row.address).into(row.count).into(row.last).into(told);
    select.into(reserved).use(key);
    std::vector<Attempts> rows;
    for (bool more = select.execute(); more; more = select.fetch()) {
      row.told = told != 0;
      row.reserved = reserve_from(reserved);
      rows.push_back(row);
    }
    return rows;
  });
}

void AttemptStore::save(const std::vector<Attempts>& rows, Time forget) {
  group_.write([&](soci::session& /*sql*/) {
    for (const Attempts& row : rows) {
      if (row.count == 0) {
        Database::Prepared(writer_,
                           "delete from attempt where phone = :phone and address = :address")
            .use(row.phone)
            .use(row.address)
            .execute();
        continue;
      }
      const int told = row.told ? 1 : 0;
      const int reserved = static_cast<int>(row.reserved);
      Database::Prepared(writer_,
                         "insert into attempt (phone, address, count, last, told, reserved)"
                         " values (:phone, :address, :count, :last, :told, :reserved)"
                         " on conflict (phone, address) do update set count = excluded.count,"
                         " last = excluded.last, told = excluded.told,"
                         " reserved = excluded.reserved")
          .use(row.phone)
          .use(row.address)
          .use(row.count)
          .use(row.last)
          .use(told)
          .use(reserved)
          .execute();
    }
    Database::Prepared(writer_, "delete from attempt where last < :forget").use(forget).execute();
  });
}

}  // namespace ringfence::core

#include "core/phones/change_log.h"

#include "core/storage/rows.h"

namespace ringfence::core {

void ChangeLog::note(const std::string& device) {
  Database::Prepared(database_,
                     "insert into device_change (device) values (:device) on conflict (device)"
                     " do update set id = (select max(id) + 1 from device_change)")
      .use(device)
      .execute();
}

std::int64_t ChangeLog::last() const {
  return database_.read([&](soci::session& /*sql*/) -> std::int64_t {
    long long last = 0;
    Database::Prepared(database_, "select coalesce(max(id), 0) from device_change")
        .into(last)
        .execute();
    return last;
  });
}

ChangeLog::Page ChangeLog::after(std::int64_t mark, std::size_t count) const {
  return database_.read([&](soci::session& /*sql*/) {
    Page page;
    page.last = mark;
    const long long from = mark;
    const auto most = static_cast<long long>(count);
    long long id = 0;
    std::string device;
    Database::Prepared select(database_,
                              "select id, device from device_change where id > :mark"
                              " order by id limit :count");
    select.into(id).into(device).use(from).use(most);
    for (bool more = select.execute(); more; more = select.fetch()) {
      page.last = id;
      page.devices.push_back(device);
    }
    return page;
  });
}

}  // namespace ringfence::core

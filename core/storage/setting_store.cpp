// Settings as rows.
#include "core/storage/setting_store.h"

#include "core/storage/rows.h"

namespace ringfence::core {

std::optional<std::string> SettingStore::find(std::string_view name) const {
  const std::string key(name);
  return database_.read([&](soci::session& sql) -> std::optional<std::string> {
    std::string value;
    sql << "select value from setting where name = :name", soci::into(value), soci::use(key);
    if (!sql.got_data()) return std::nullopt;
    return value;
  });
}

void SettingStore::save(std::string_view name, const std::string& value) {
  const std::string key(name);
  database_.write([&](soci::session& sql) {
    sql << "insert into setting (name, value) values (:name, :value)"
           " on conflict (name) do update set value = excluded.value",
        soci::use(key), soci::use(value);
  });
}

}  // namespace ringfence::core

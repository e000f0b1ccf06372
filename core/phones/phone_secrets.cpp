// Authentication strings as rows.
#include "core/phones/phone_secrets.h"

#include "core/crypto/digest.h"
#include "core/storage/rows.h"

namespace ringfence::core {

std::optional<std::string> PhoneSecrets::find(const std::string& id) const {
  return secrets_.read([&](soci::session& /*sql*/) -> std::optional<std::string> {
    std::string value;
    if (!Database::Prepared(secrets_, "select value from auth_string where id = :id")
             .into(value)
             .use(id)
             .execute())
      return std::nullopt;
    return value;
  });
}

std::unordered_map<std::string, std::string> PhoneSecrets::all() const {
  return secrets_.read([&](soci::session& /*sql*/) {
    std::unordered_map<std::string, std::string> strings;
    std::string id;
    std::string value;
    Database::Prepared select(secrets_, "select id, value from auth_string");
    select.into(id).into(value);
    for (bool more = select.execute(); more; more = select.fetch()) strings.emplace(id, value);
    return strings;
  });
}

std::vector<std::string> PhoneSecrets::put(
    const std::vector<std::pair<std::string, std::string>>& strings) {
  std::vector<std::string> ids;
  if (strings.empty()) return ids;
  secrets_.write([&](soci::session& /*sql*/) {
    for (const auto& [phone, value] : strings) {
      ids.push_back(random_guid());
      Database::Prepared(secrets_,
                         "insert into auth_string (id, phone, value) values (:id, :phone, :value)")
          .use(ids.back())
          .use(phone)
          .use(value)
          .execute();
    }
  });
  return ids;
}

void PhoneSecrets::forget(const std::vector<std::string>& ids) {
  if (ids.empty()) return;
  secrets_.write([&](soci::session& /*sql*/) {
    for (const std::string& id : ids)
      Database::Prepared(secrets_, "delete from auth_string where id = :id").use(id).execute();
  });
}

void PhoneSecrets::keep_only(const std::unordered_set<std::string>& ids) {
  std::vector<std::string> unnamed;
  for (const auto& [id, value] : all())
    if (!ids.contains(id)) unnamed.push_back(id);
  forget(unnamed);
}

}  // namespace ringfence::core

// Security profiles as rows.
#include "core/phones/security_profile_store.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/crypto/digest.h"
#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

/// Row is a profile as its columns.
struct Row {
  SecurityProfile profile;
  std::string auth_mode;
  std::string key_order;

  SecurityProfile get() const {
    SecurityProfile value = profile;
    value.auth_mode = auth_mode_from(auth_mode);
    value.key_order = key_order_from(key_order);
    return value;
  }
};

std::vector<SecurityProfile> rows(soci::session& sql, const std::string& condition,
                                  const std::string* name) {
  Row row;
  soci::statement select(sql);
  select.exchange(soci::into(row.profile.name));
  select.exchange(soci::into(row.auth_mode));
  select.exchange(soci::into(row.key_order));
  select.exchange(soci::into(row.profile.rsa_bits));
  select.exchange(soci::into(row.profile.ec_bits));
  if (name != nullptr) select.exchange(soci::use(*name));
  select.alloc();
  select.prepare("select name, auth_mode, key_order, rsa_bits, ec_bits from security_profile " +
                 condition);
  select.define_and_bind();
  select.execute();
  std::vector<SecurityProfile> profiles;
  while (select.fetch()) profiles.push_back(row.get());
  return profiles;
}

}  // namespace

std::optional<std::string> mode_mismatch(const SecurityProfile& profile, AuthMode mode) {
  if (profile.auth_mode == mode) return std::nullopt;
  return fmt::format(
      "its security profile \"{}\" says {}, this says {}: the operation could not complete; make "
      "the two the same",
      profile.name, word(profile.auth_mode), word(mode));
}

std::optional<SecurityProfile> SecurityProfileStore::find(std::string_view name) const {
  const std::string key(name);
  return database_.read([&](soci::session& sql) -> std::optional<SecurityProfile> {
    auto found = rows(sql, "where name = :name", &key);
    if (found.empty()) return std::nullopt;
    return found.front();
  });
}

std::vector<SecurityProfile> SecurityProfileStore::list() const {
  return database_.read([](soci::session& sql) { return rows(sql, "order by name", nullptr); });
}

std::map<std::string, std::size_t> SecurityProfileStore::phone_counts() const {
  return database_.read([](soci::session& sql) {
    std::map<std::string, std::size_t> counts;
    std::string name;
    long long count = 0;
    soci::statement select =
        (sql.prepare << "select security_profile, count(*) from phone where security_profile <> ''"
                        " group by security_profile",
         soci::into(name), soci::into(count));
    select.execute();
    while (select.fetch()) counts[name] = static_cast<std::size_t>(count);
    return counts;
  });
}

void SecurityProfileStore::save(const SecurityProfile& profile) {
  if (profile.name.empty() || profile.name == "-")
    throw Error(Code::malformed, "a security profile needs a name of 1 to 50 characters");
  check_text("security profile", profile.name, 50);
  check_key_sizes(profile.rsa_bits, profile.ec_bits);
  const std::string auth_mode(word(profile.auth_mode));
  const std::string key_order(word(profile.key_order));
  database_.write([&](soci::session& sql) {
    std::string mode_before;
    sql << "select auth_mode from security_profile where name = :name", soci::into(mode_before),
        soci::use(profile.name);
    sql << "insert into security_profile (name, auth_mode, key_order, rsa_bits, ec_bits)"
           " values (:name, :mode, :order, :rsa, :ec) on conflict (name) do update set"
           " auth_mode = excluded.auth_mode, key_order = excluded.key_order,"
           " rsa_bits = excluded.rsa_bits, ec_bits = excluded.ec_bits",
        soci::use(profile.name), soci::use(auth_mode), soci::use(key_order),
        soci::use(profile.rsa_bits), soci::use(profile.ec_bits);
    if (mode_before == auth_mode) return;
    // Whether their phones may go to CAPF stands in their configuration.
    const std::string stamp = random_guid();
    sql << "update phone set config_stamp = :stamp where security_profile = :name",
        soci::use(stamp), soci::use(profile.name);
  });
}

void SecurityProfileStore::remove(std::string_view name) {
  const std::string key(name);
  database_.write([&](soci::session& sql) {
    int phones = 0;
    sql << "select count(*) from phone where security_profile = :name", soci::into(phones),
        soci::use(key);
    if (phones > 0)
      throw Error(
          Code::conflict,
          fmt::format("{} the security profile \"{}\"; give them another one "
                      "first, or none: 'set phone device NAME security_profile -'",
                      phones == 1 ? "1 phone has" : fmt::format("{} phones have", phones), key));
    soci::statement erase =
        (sql.prepare << "delete from security_profile where name = :name", soci::use(key));
    erase.execute(true);
    if (erase.get_affected_rows() == 0)
      throw Error(Code::not_found,
                  fmt::format("there is no security profile \"{}\"; 'show phone profile list' "
                              "lists them",
                              key));
  });
}

}  // namespace ringfence::core

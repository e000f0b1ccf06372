// Security profiles as rows.
#include "core/phones/security_profile_store.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/crypto/digest.h"
#include "core/storage/rows.h"

namespace ringfence::core {
template <>
struct FromWord<AuthMode> {
  static AuthMode read(std::string_view text) { return auth_mode_from(text); }
};

template <>
struct FromWord<KeyOrder> {
  static KeyOrder read(std::string_view text) { return key_order_from(text); }
};

template <>
struct Table<SecurityProfile> {
  using Row = SecurityProfile;
  static constexpr std::string_view name = "security_profile";
  static constexpr auto columns =
      std::tuple(Column("name", &Row::name), Column("auth_mode", &Row::auth_mode),
                 Column("key_order", &Row::key_order), Column("rsa_bits", &Row::rsa_bits),
                 Column("ec_bits", &Row::ec_bits));
};

std::optional<std::string> mode_mismatch(const SecurityProfile& profile, AuthMode mode) {
  if (profile.auth_mode == mode) return std::nullopt;
  return fmt::format(
      "its security profile \"{}\" says {}, this says {}: the operation could not complete; make "
      "the two the same",
      profile.name, word(profile.auth_mode), word(mode));
}

std::optional<SecurityProfile> SecurityProfileStore::find(std::string_view name) const {
  return row_of<SecurityProfile>(database_, "where name = :name", std::string(name));
}

std::vector<SecurityProfile> SecurityProfileStore::list() const {
  return rows_of<SecurityProfile>(database_, "order by name");
}

void SecurityProfileStore::save(const SecurityProfile& profile) {
  if (profile.name.empty() || profile.name == "-")
    throw Error(Code::malformed, "a security profile needs a name of 1 to 50 characters");
  check_text("security profile", profile.name, 50);
  check_key_sizes(profile.rsa_bits, profile.ec_bits);
  database_.write([&](soci::session& sql) {
    const auto before = find(profile.name);
    save_row(database_, profile, "name");
    if (before && before->auth_mode == profile.auth_mode) return;
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

// Phones as rows.
#include "core/phones/phone_store.h"

#include <set>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/crypto/digest.h"
#include "core/phones/change_log.h"
#include "core/phones/model_name.h"
#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

constexpr std::string_view kSelect =
    "select name, model, description, device_pool, security_profile, operation, phone.auth_mode,"
    " auth_string, key_order, rsa_bits, ec_bits, completes_by, request, config_stamp,"
    " coalesce((select auth_mode from security_profile where security_profile.name ="
    " phone.security_profile), '') as profile_mode from phone";

/// Row is a phone as its columns; SOCI writes into it and reads from it.
struct Row {
  Phone phone;
  std::string operation;
  std::string auth_mode;
  std::string key_order;
  std::string profile_mode;
  long long request = 0;

  void set(const Phone& value) {
    phone = value;
    operation = word(value.capf.operation);
    auth_mode = word(value.capf.auth_mode);
    key_order = word(value.capf.key_order);
    request = value.capf.request;
  }

  Phone get() const {
    try {
      Phone value = phone;
      value.model = model_name_from(phone.model);  // earlier releases kept what was written
      value.capf.operation = operation_from(operation);
      value.capf.auth_mode = auth_mode_from(auth_mode);
      value.capf.key_order = key_order_from(key_order);
      value.capf.request = request;
      value.profile_mode.reset();
      if (!profile_mode.empty()) value.profile_mode = auth_mode_from(profile_mode);
      return value;
    } catch (const Error& error) {
      throw Error(Code::malformed,
                  fmt::format("the stored phone {} is damaged: {}", phone.name, error.what()));
    }
  }
};

/// each_column gives `into` where a selected column goes, in kSelect's order.
template <typename Into>
void each_column(Row& row, const Into& into) {
  CapfSettings& capf = row.phone.capf;
  into(row.phone.name);
  into(row.phone.model);
  into(row.phone.description);
  into(row.phone.device_pool);
  into(row.phone.security_profile);
  into(row.operation);
  into(row.auth_mode);
  into(capf.auth_string);
  into(row.key_order);
  into(capf.rsa_bits);
  into(capf.ec_bits);
  into(capf.completes_by);
  into(row.request);
  into(row.phone.config_stamp);
  into(row.profile_mode);
}

/// bind makes `statement` fetch into `row`.
void bind(soci::statement& statement, Row& row) {
  each_column(row, [&statement](auto& column) { statement.exchange(soci::into(column)); });
}

/// beginning_with writes the LIKE pattern for what begins with `prefix`; LIKE knows no case.
std::string beginning_with(const std::string& prefix) {
  std::string pattern;
  for (const char c : prefix) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + '%';
}

/// require_profiles throws unless every security profile that `phones` name exists.
void require_profiles(soci::session& sql, const std::vector<Phone>& phones) {
  std::set<std::string> found;
  for (const Phone& phone : phones) {
    const std::string& profile = phone.security_profile;
    if (profile.empty() || found.contains(profile)) continue;
    int count = 0;
    sql << "select count(*) from security_profile where name = :name", soci::into(count),
        soci::use(profile);
    if (count == 0)
      throw Error(Code::not_found,
                  fmt::format("phone {}: there is no security profile \"{}\"; 'show phone profile "
                              "list' lists them, 'set phone profile' makes one",
                              phone.name, profile));
    found.insert(profile);
  }
}

/// same_ask tells whether both ask CAPF for the same thing.
bool same_ask(CapfSettings a, CapfSettings b) {
  a.request = b.request = 0;
  return a == b;
}

}  // namespace

std::optional<Phone> PhoneStore::find(std::string_view name) const {
  const std::string key(name);
  return database_.read([&](soci::session& /*sql*/) -> std::optional<Phone> {
    Row row;
    Database::Prepared select(database_, std::string(kSelect) + " where name = :name");
    each_column(row, [&select](auto& column) { select.into(column); });
    if (!select.use(key).execute()) return std::nullopt;
    return row.get();
  });
}

std::vector<Phone> PhoneStore::list() const {
  return database_.read([&](soci::session& sql) {
    std::vector<Phone> phones;
    Row row;
    soci::statement select(sql);
    bind(select, row);
    select.alloc();
    select.prepare(std::string(kSelect) + " order by name");
    select.define_and_bind();
    select.execute();
    while (select.fetch()) phones.push_back(row.get());
    return phones;
  });
}

std::vector<Phone> PhoneStore::page(const std::string& after, std::size_t count) const {
  const auto limit = static_cast<long long>(count);
  return database_.read([&](soci::session& sql) {
    std::vector<Phone> phones;
    Row row;
    soci::statement select(sql);
    bind(select, row);
    select.exchange(soci::use(after));
    select.exchange(soci::use(limit));
    select.alloc();
    select.prepare(std::string(kSelect) + " where name > :after order by name limit :count");
    select.define_and_bind();
    select.execute();
    while (select.fetch()) phones.push_back(row.get());
    return phones;
  });
}

std::size_t PhoneStore::count() const {
  return database_.read([](soci::session& sql) {
    long long count = 0;
    sql << "select count(*) from phone", soci::into(count);
    return static_cast<std::size_t>(count);
  });
}

PhoneStore::Names PhoneStore::names(const std::string& prefix, std::int64_t limit) const {
  const std::string pattern = beginning_with(prefix);
  return database_.read([&](soci::session& sql) {
    Names found;
    std::string last;
    sql << "select count(*), coalesce(max(name), '') from phone where name like :p escape '\\'",
        soci::use(pattern), soci::into(found.matched), soci::into(last);
    const std::int64_t first = found.matched > limit ? limit - 1 : found.matched;
    const soci::rowset<std::string> rows =
        (sql.prepare << "select name from phone where name like :p escape '\\' order by name "
                        "limit :n",
         soci::use(pattern), soci::use(first));
    found.names.assign(rows.begin(), rows.end());
    if (found.matched > limit) found.names.push_back(last);
    return found;
  });
}

bool PhoneStore::has(std::string_view name) const {
  const std::string key(name);
  return database_.read([&](soci::session& /*sql*/) {
    int count = 0;
    Database::Prepared(database_, "select count(*) from phone where name = :name")
        .into(count)
        .use(key)
        .execute();
    return count > 0;
  });
}

std::unordered_map<std::string, std::string> PhoneStore::stamps() const {
  return database_.read([](soci::session& sql) {
    std::unordered_map<std::string, std::string> stamps;
    std::string name;
    std::string stamp;
    soci::statement select = (sql.prepare << "select name, config_stamp from phone",
                              soci::into(name), soci::into(stamp));
    select.execute();
    while (select.fetch()) stamps.emplace(name, stamp);
    return stamps;
  });
}

std::vector<std::int64_t> PhoneStore::save(const std::vector<Phone>& phones, Ask ask) {
  for (const Phone& phone : phones) check_phone(phone);
  return database_.write([&](soci::session& sql) {
    require_profiles(sql, phones);
    std::vector<std::int64_t> requests;
    long long last_request = 0;
    sql << "select last from capf_request", soci::into(last_request);
    const long long first_request = last_request;

    Row stored;
    std::string key;
    soci::statement select(sql);
    bind(select, stored);
    select.exchange(soci::use(key));
    select.alloc();
    select.prepare(std::string(kSelect) + " where name = :name");
    select.define_and_bind();

    Row row;
    const CapfSettings& capf = row.phone.capf;
    soci::statement insert =
        (sql.prepare
             << "insert into phone (name, model, description, device_pool, security_profile,"
                " operation, auth_mode, auth_string, key_order, rsa_bits, ec_bits, completes_by,"
                " request, config_stamp)"
                " values (:name, :model, :description, :pool, :profile, :operation, :mode, :string,"
                " :order, :rsa, :ec, :by, :request, :stamp) on conflict (name) do update set"
                " model = excluded.model, description = excluded.description,"
                " device_pool = excluded.device_pool,"
                " security_profile = excluded.security_profile, operation = excluded.operation,"
                " auth_mode = excluded.auth_mode, auth_string = excluded.auth_string,"
                " key_order = excluded.key_order, rsa_bits = excluded.rsa_bits,"
                " ec_bits = excluded.ec_bits, completes_by = excluded.completes_by,"
                " request = excluded.request, config_stamp = excluded.config_stamp",
         soci::use(row.phone.name), soci::use(row.phone.model), soci::use(row.phone.description),
         soci::use(row.phone.device_pool), soci::use(row.phone.security_profile),
         soci::use(row.operation), soci::use(row.auth_mode), soci::use(capf.auth_string),
         soci::use(row.key_order), soci::use(capf.rsa_bits), soci::use(capf.ec_bits),
         soci::use(capf.completes_by), soci::use(row.request), soci::use(row.phone.config_stamp));

    for (const Phone& phone : phones) {
      key = phone.name;
      std::optional<Phone> before;
      if (select.execute(true)) before = stored.get();

      Phone after = phone;
      const bool asks = after.capf.operation != Operation::none && ask != Ask::never;
      if (asks && (ask == Ask::again || after.capf.request == 0 || !before ||
                   !same_ask(after.capf, before->capf)))
        after.capf.request = ++last_request;
      else
        after.capf.request = before ? before->capf.request : 0;
      requests.push_back(after.capf.request);
      after.config_stamp = before ? before->config_stamp : "";
      after.profile_mode = before ? before->profile_mode : std::nullopt;
      if (before && *before == after) continue;
      after.config_stamp = random_guid();
      row.set(after);
      insert.execute(true);
    }
    if (last_request != first_request)
      sql << "update capf_request set last = :last", soci::use(last_request);
    return requests;
  });
}

bool PhoneStore::remove(std::string_view name) {
  const std::string key(name);
  return database_.write([&](soci::session& sql) {
    soci::statement erase = (sql.prepare << "delete from phone where name = :name", soci::use(key));
    erase.execute(true);
    if (erase.get_affected_rows() == 0) return false;
    ChangeLog(database_).note(key);
    return true;
  });
}

}  // namespace ringfence::core

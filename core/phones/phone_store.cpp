// Phones as rows.
#include "core/phones/phone_store.h"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/crypto/digest.h"
#include "core/phones/change_log.h"
#include "core/phones/model_name.h"
#include "core/storage/rows.h"

namespace ringfence::core {

/// PhoneRow is a phone as its columns.
struct PhoneRow {
  Phone phone;
  std::string operation;
  std::string auth_mode;
  std::string key_order;
  std::string profile_mode;
  std::string secret;  ///< the id of its authentication string
  std::int64_t request = 0;

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

namespace {

constexpr std::string_view kSelect =
    "select name, model, description, device_pool, security_profile, operation, phone.auth_mode,"
    " phone.secret, key_order, rsa_bits, ec_bits, completes_by, request, config_stamp,"
    " coalesce((select auth_mode from security_profile where security_profile.name ="
    " phone.security_profile), '') as profile_mode from phone";

constexpr std::size_t kManyPhones = 1000;  // more strings are read at once, and not one by one

/// each_column gives `into` where a selected column goes, in kSelect's order.
template <typename Into>
void each_column(PhoneRow& row, const Into& into) {
  CapfSettings& capf = row.phone.capf;
  into(row.phone.name);
  into(row.phone.model);
  into(row.phone.description);
  into(row.phone.device_pool);
  into(row.phone.security_profile);
  into(row.operation);
  into(row.auth_mode);
  into(row.secret);
  into(row.key_order);
  into(capf.rsa_bits);
  into(capf.ec_bits);
  into(capf.completes_by);
  into(row.request);
  into(row.phone.config_stamp);
  into(row.profile_mode);
}

/// rows_where returns the rows that `tail` selects; `keys` are bound in its order.
template <typename... Keys>
std::vector<PhoneRow> rows_where(Database& database, std::string_view tail, const Keys&... keys) {
  return database.read([&](soci::session& /*sql*/) {
    PhoneRow row;
    Database::Prepared select(database, fmt::format("{} {}", kSelect, tail));
    each_column(row, [&select](auto& column) { select.into(column); });
    (select.use(keys), ...);
    std::vector<PhoneRow> rows;
    for (bool more = select.execute(); more; more = select.fetch()) rows.push_back(row);
    return rows;
  });
}

std::optional<PhoneRow> find_row(Database& database, const std::string& name) {
  auto rows = rows_where(database, "where name = :name", name);
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
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
  std::string gone;
  for (;;) {
    auto row = find_row(database_, key);
    if (!row) return std::nullopt;
    Phone phone = row->get();
    if (!secrets_ || row->secret.empty()) return phone;
    if (const auto string = secrets_->find(row->secret)) {
      phone.capf.auth_string = *string;
      return phone;
    }
    // It was replaced since the record was read; one that stays away is lost.
    if (row->secret == gone) return phone;
    gone = row->secret;
  }
}

std::vector<Phone> PhoneStore::with_strings(const std::vector<PhoneRow>& rows) const {
  std::vector<Phone> phones;
  phones.reserve(rows.size());
  for (const PhoneRow& row : rows) phones.push_back(row.get());
  if (!secrets_) return phones;
  const bool many = rows.size() > kManyPhones;
  const auto strings = many ? secrets_->all() : std::unordered_map<std::string, std::string>();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string& id = rows[i].secret;
    if (id.empty()) continue;
    const auto known = strings.find(id);
    if (known != strings.end())
      phones[i].capf.auth_string = known->second;
    else if (auto now = find(phones[i].name))
      phones[i].capf.auth_string = std::move(now->capf.auth_string);
  }
  return phones;
}

std::vector<Phone> PhoneStore::list() const {
  return with_strings(rows_where(database_, "order by name"));
}

std::vector<Phone> PhoneStore::page(const std::string& after, std::size_t count) const {
  const auto limit = static_cast<std::int64_t>(count);
  return with_strings(
      rows_where(database_, "where name > :after order by name limit :count", after, limit));
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

/// Changed is a phone that is about to be saved.
struct PhoneStore::Changed {
  PhoneRow row;
  std::string secret_before;
  bool new_string = false;
};

std::vector<std::int64_t> PhoneStore::save(const std::vector<Phone>& phones, Ask ask) {
  for (const Phone& phone : phones) {
    check_phone(phone);
    if (!secrets_ && !phone.capf.auth_string.empty())
      throw Error(Code::internal, "an authentication string has no place here");
  }
  return database_.write([&](soci::session& sql) {
    require_profiles(sql, phones);
    std::int64_t last_request = 0;
    sql << "select last from capf_request", soci::into(last_request);
    const std::int64_t first_request = last_request;
    std::vector<std::int64_t> requests;
    std::vector<Changed> changed;
    std::set<std::string> names;
    for (const Phone& phone : phones) {
      if (!names.insert(phone.name).second) write_down(std::exchange(changed, {}));  // once more
      auto change = change_of(phone, ask, last_request);
      requests.push_back(change.row.phone.capf.request);
      if (!change.row.phone.config_stamp.empty()) changed.push_back(std::move(change));
    }
    write_down(std::move(changed));
    if (last_request != first_request)
      sql << "update capf_request set last = :last", soci::use(last_request);
    return requests;
  });
}

/// change_of makes the row that `phone` becomes; without a config stamp when nothing changes.
PhoneStore::Changed PhoneStore::change_of(const Phone& phone, Ask ask, std::int64_t& last_request) {
  Changed change;
  const auto stored = find_row(database_, phone.name);
  std::optional<Phone> before;
  if (stored) {
    before = with_strings({*stored}).front();
    change.row.secret = change.secret_before = stored->secret;
  }
  Phone after = phone;
  const bool asks = after.capf.operation != Operation::none && ask != Ask::never;
  if (asks && (ask == Ask::again || after.capf.request == 0 || !before ||
               !same_ask(after.capf, before->capf)))
    after.capf.request = ++last_request;
  else
    after.capf.request = before ? before->capf.request : 0;
  after.config_stamp = before ? before->config_stamp : "";
  after.profile_mode = before ? before->profile_mode : std::nullopt;
  const bool same = before && *before == after;
  change.new_string = after.capf.auth_string != (before ? before->capf.auth_string : "");
  after.config_stamp = same ? "" : random_guid();
  change.row.set(after);
  return change;
}

/// write_down keeps the new strings, then the rows that name them; the strings that were replaced
/// go when the rows are on the disk.
void PhoneStore::write_down(std::vector<Changed> changed) {
  std::vector<std::pair<std::string, std::string>> strings;
  std::vector<std::string> replaced;
  for (Changed& one : changed) {
    if (!one.new_string) continue;
    const Phone& phone = one.row.phone;
    one.row.secret.clear();
    if (!phone.capf.auth_string.empty()) strings.emplace_back(phone.name, phone.capf.auth_string);
    if (!one.secret_before.empty()) replaced.push_back(one.secret_before);
  }
  std::vector<std::string> ids;
  if (!strings.empty()) ids = secrets_->put(strings);
  auto id = ids.begin();
  for (Changed& one : changed) {
    if (one.new_string && !one.row.phone.capf.auth_string.empty()) one.row.secret = *id++;
    insert(one.row);
  }
  forget_after_commit(std::move(replaced));
}

void PhoneStore::insert(const PhoneRow& row) {
  const CapfSettings& capf = row.phone.capf;
  Database::Prepared insert(
      database_,
      "insert into phone (name, model, description, device_pool, security_profile, operation,"
      " auth_mode, auth_string, secret, key_order, rsa_bits, ec_bits, completes_by, request,"
      " config_stamp)"
      " values (:name, :model, :description, :pool, :profile, :operation, :mode, '', :secret,"
      " :order, :rsa, :ec, :by, :request, :stamp) on conflict (name) do update set"
      " model = excluded.model, description = excluded.description,"
      " device_pool = excluded.device_pool,"
      " security_profile = excluded.security_profile, operation = excluded.operation,"
      " auth_mode = excluded.auth_mode, secret = excluded.secret,"
      " key_order = excluded.key_order, rsa_bits = excluded.rsa_bits,"
      " ec_bits = excluded.ec_bits, completes_by = excluded.completes_by,"
      " request = excluded.request, config_stamp = excluded.config_stamp");
  insert.use(row.phone.name).use(row.phone.model).use(row.phone.description);
  insert.use(row.phone.device_pool).use(row.phone.security_profile).use(row.operation);
  insert.use(row.auth_mode).use(row.secret).use(row.key_order).use(capf.rsa_bits);
  insert.use(capf.ec_bits).use(capf.completes_by).use(row.request).use(row.phone.config_stamp);
  insert.execute();
}

void PhoneStore::forget_after_commit(std::vector<std::string> ids) {
  if (ids.empty() || !secrets_) return;
  database_.after_commit(
      [secrets = *secrets_, ids = std::move(ids)]() mutable { secrets.forget(ids); });
}

bool PhoneStore::remove(std::string_view name) {
  const std::string key(name);
  return database_.write([&](soci::session& /*sql*/) {
    const auto row = find_row(database_, key);
    if (!row) return false;
    Database::Prepared(database_, "delete from phone where name = :name").use(key).execute();
    if (!row->secret.empty()) forget_after_commit({row->secret});
    ChangeLog(database_).note(key);
    return true;
  });
}

}  // namespace ringfence::core

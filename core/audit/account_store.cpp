// Accounts as rows.
#include "core/audit/account_store.h"

#include "core/base/error.h"
#include "core/storage/rows.h"

namespace ringfence::core {

std::optional<Account> AccountStore::find(std::string_view name) const {
  const std::string key(name);
  return database_.read([&](soci::session& sql) -> std::optional<Account> {
    Account account;
    account.name = key;
    sql << "select level from account where name = :name", soci::into(account.level),
        soci::use(key);
    if (!sql.got_data()) return std::nullopt;
    return account;
  });
}

std::vector<Account> AccountStore::list() const {
  return database_.read([](soci::session& sql) {
    Account row;
    soci::statement select = (sql.prepare << "select name, level from account order by name",
                              soci::into(row.name), soci::into(row.level));
    select.execute();
    std::vector<Account> accounts;
    while (select.fetch()) accounts.push_back(row);
    return accounts;
  });
}

void AccountStore::save(const Account& account) {
  if (account.name.empty()) throw Error(Code::malformed, "the account's name must not be empty");
  if (account.level != 0 && account.level != 1 && account.level != 4)
    throw Error(Code::malformed, "the privilege level must be 0, 1 or 4");
  database_.write([&](soci::session& sql) {
    sql << "insert into account (name, level) values (:name, :level)"
           " on conflict (name) do update set level = excluded.level",
        soci::use(account.name), soci::use(account.level);
  });
}

}  // namespace ringfence::core

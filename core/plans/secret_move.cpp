// Secrets that earlier releases kept in admin.db.
#include "core/plans/secret_move.h"

#include <algorithm>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/base/log.h"
#include "core/phones/phone_secrets.h"
#include "core/plans/job_secrets.h"
#include "core/plans/job_store.h"
#include "core/storage/rows.h"
#include "core/storage/setting_store.h"

namespace ringfence::core {
namespace {

constexpr std::string_view kNoTraces = "secrets.no_traces";  // set when admin.db was wiped of them

using Strings = std::vector<std::pair<std::string, std::string>>;  // phone, string

Strings strings_in(Database& admin) {
  return admin.read([&](soci::session& /*sql*/) {
    Strings strings;
    std::pair<std::string, std::string> row;
    Database::Prepared select(admin, "select name, auth_string from phone where auth_string <> ''");
    select.into(row.first).into(row.second);
    for (bool more = select.execute(); more; more = select.fetch()) strings.push_back(row);
    return strings;
  });
}

struct OfJob {
  std::int64_t job = 0;
  std::string phone;
  std::string value;
  std::string before;
};

std::vector<OfJob> jobs_in(Database& admin) {
  return admin.read([&](soci::session& /*sql*/) {
    std::vector<OfJob> rows;
    OfJob row;
    Database::Prepared select(admin,
                              "select job, phone, secret, before from job_item"
                              " where secret <> '' or before <> ''");
    select.into(row.job).into(row.phone).into(row.value).into(row.before);
    for (bool more = select.execute(); more; more = select.fetch()) rows.push_back(row);
    return rows;
  });
}

/// move copies first and then takes away: whatever ends it between, nothing is lost.
void move(Database& admin, Database& secrets) {
  const Strings strings = strings_in(admin);
  const std::vector<OfJob> of_jobs = jobs_in(admin);
  if (strings.empty() && of_jobs.empty()) return;
  const std::vector<std::string> ids = PhoneSecrets(secrets).put(strings);
  JobSecrets jobs(secrets);
  for (const OfJob& row : of_jobs) {
    jobs.keep_strings(row.job, {{row.phone, row.value}});
    jobs.keep_before(row.job, {{row.phone, row.before}});
  }
  admin.write([&](soci::session& /*sql*/) {
    for (std::size_t i = 0; i < strings.size(); ++i)
      Database::Prepared(admin,
                         "update phone set secret = :id, auth_string = '' where name = :name")
          .use(ids[i])
          .use(strings[i].first)
          .execute();
    Database::Prepared(admin,
                       "update job_item set secret = '', before = ''"
                       " where secret <> '' or before <> ''")
        .execute();
  });
  log(Level::notice, "SECRETS_MOVED", {{"strings", std::to_string(strings.size())}});
}

/// tell_missing says how many phones name a string that is not there: their record stands, and CAPF
/// refuses whatever they show until an administrator sets another.
void tell_missing(const std::unordered_set<std::string>& ids, Database& secrets) {
  const auto kept = PhoneSecrets(secrets).all();
  const auto missing =
      std::ranges::count_if(ids, [&](const std::string& id) { return !kept.contains(id); });
  if (missing > 0)
    log(Level::error, "SECRETS_MISSING",
        {{"phones", std::to_string(missing)},
         {"why",
          "secrets.db does not have the authentication strings that admin.db names; bring "
          "back both files of one backup, or set the strings anew"}});
}

void forget_what_nobody_names(Database& admin, Database& secrets) {
  std::unordered_set<std::string> ids;
  admin.read([&](soci::session& /*sql*/) {
    std::string id;
    Database::Prepared select(admin, "select secret from phone where secret <> ''");
    select.into(id);
    for (bool more = select.execute(); more; more = select.fetch()) ids.insert(id);
  });
  PhoneSecrets(secrets).keep_only(ids);
  tell_missing(ids, secrets);
  std::set<std::int64_t> jobs;
  for (const Job& job : JobStore(admin).unfinished()) jobs.insert(job.id);
  JobSecrets(secrets).keep_only(jobs);
}

/// is_new tells a file in which nothing has ever been done: it has no traces.
bool is_new(Database& admin) {
  return admin.read([&](soci::session& /*sql*/) {
    int found = 0;
    return !Database::Prepared(admin, "select 1 from audit limit 1").into(found).execute() &&
           !Database::Prepared(admin, "select 1 from phone limit 1").into(found).execute();
  });
}

}  // namespace

void tidy_secrets(Database& admin, Database& secrets) {
  move(admin, secrets);
  forget_what_nobody_names(admin, secrets);
  SettingStore settings(admin);
  if (settings.find(kNoTraces)) return;
  if (is_new(admin) || admin.wipe_free_space())
    settings.save(kNoTraces, "yes");
  else
    log(Level::warning, "SECRETS_TRACES",
        {{"why", "another process reads admin.db: traces of moved secrets are wiped later"}});
}

}  // namespace ringfence::core

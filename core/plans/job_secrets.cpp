// Jobs' secrets as rows.
#include "core/plans/job_secrets.h"

#include <vector>

#include <fmt/format.h>

#include "core/storage/rows.h"

namespace ringfence::core {

void JobSecrets::keep(std::int64_t job, const ByPhone& values, const char* column) {
  if (values.empty()) return;
  const std::string statement = fmt::format(
      "insert into job_secret (job, phone, {0}) values (:job, :phone, :value)"
      " on conflict (job, phone) do update set {0} = excluded.{0}",
      column);
  secrets_.write([&](soci::session& /*sql*/) {
    for (const auto& [phone, value] : values)
      Database::Prepared(secrets_, statement).use(job).use(phone).use(value).execute();
  });
}

std::string JobSecrets::value_of(std::int64_t job, const std::string& phone,
                                 const char* column) const {
  return secrets_.read([&](soci::session& /*sql*/) {
    std::string value;
    Database::Prepared(
        secrets_,
        fmt::format("select {} from job_secret where job = :job and phone = :phone", column))
        .into(value)
        .use(job)
        .use(phone)
        .execute();
    return value;
  });
}

void JobSecrets::keep_strings(std::int64_t job, const ByPhone& strings) {
  keep(job, strings, "value");
}

void JobSecrets::keep_before(std::int64_t job, const ByPhone& settings) {
  keep(job, settings, "settings_before");
}

std::string JobSecrets::string_of(std::int64_t job, const std::string& phone) const {
  return value_of(job, phone, "value");
}

std::string JobSecrets::before(std::int64_t job, const std::string& phone) const {
  return value_of(job, phone, "settings_before");
}

void JobSecrets::forget_strings(std::int64_t job, const std::vector<std::string>& phones) {
  secrets_.write([&](soci::session& /*sql*/) {
    for (const std::string& phone : phones)
      Database::Prepared(secrets_,
                         "update job_secret set value = '' where job = :job and phone = :phone")
          .use(job)
          .use(phone)
          .execute();
  });
}

void JobSecrets::forget(std::int64_t job) {
  secrets_.write([&](soci::session& /*sql*/) {
    Database::Prepared(secrets_, "delete from job_secret where job = :job").use(job).execute();
  });
}

void JobSecrets::keep_only(const std::set<std::int64_t>& jobs) {
  std::vector<std::int64_t> over;
  secrets_.read([&](soci::session& /*sql*/) {
    std::int64_t job = 0;
    Database::Prepared select(secrets_, "select distinct job from job_secret");
    select.into(job);
    for (bool more = select.execute(); more; more = select.fetch())
      if (!jobs.contains(job)) over.push_back(job);
  });
  for (const std::int64_t job : over) forget(job);
}

}  // namespace ringfence::core

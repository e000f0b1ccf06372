// Jobs and their phones as rows.
#include "core/plans/job_store.h"

#include <array>

#include "core/base/error.h"
#include "core/storage/columns.h"

namespace ringfence::core {
namespace {

constexpr std::array kJobStates = {JobState::running, JobState::done, JobState::failed,
                                   JobState::interrupted};
constexpr std::array kItemStates = {ItemState::waiting, ItemState::reset_sent, ItemState::returned,
                                    ItemState::not_returned, ItemState::failed};

template <typename State, std::size_t kCount>
State state_from(const std::array<State, kCount>& states, const std::string& text) {
  for (const State state : states)
    if (word(state) == text) return state;
  throw Error(Code::malformed, "the stored state of a job is not one we know");
}

std::vector<Job> rows(soci::session& sql, const std::string& statement, const long long* bound) {
  Job row;
  long long id = 0;
  std::string state;
  soci::statement select(sql);
  select.exchange(soci::into(id));
  select.exchange(soci::into(row.kind));
  select.exchange(soci::into(row.arguments));
  select.exchange(soci::into(row.who));
  select.exchange(soci::into(state));
  select.exchange(soci::into(row.step));
  select.exchange(soci::into(row.message));
  select.exchange(soci::into(row.started));
  select.exchange(soci::into(row.finished));
  if (bound != nullptr) select.exchange(soci::use(*bound));
  select.alloc();
  select.prepare(
      "select id, kind, arguments, who, state, step, message, started, finished from job " +
      statement);
  select.define_and_bind();
  select.execute();
  std::vector<Job> jobs;
  while (select.fetch()) {
    row.id = id;
    row.state = state_from(kJobStates, state);
    jobs.push_back(row);
  }
  return jobs;
}

[[noreturn]] void no_such_job(long long id) {
  throw Error(Code::not_found, "there is no job " + std::to_string(id));
}

}  // namespace

std::string_view word(JobState state) noexcept {
  switch (state) {
    case JobState::running: return "running";
    case JobState::done: return "done";
    case JobState::failed: return "failed";
    case JobState::interrupted: return "interrupted";
  }
  return "";
}

std::string_view word(ItemState state) noexcept {
  switch (state) {
    case ItemState::waiting: return "waiting";
    case ItemState::reset_sent: return "reset_sent";
    case ItemState::returned: return "returned";
    case ItemState::not_returned: return "not_returned";
    case ItemState::failed: return "failed";
  }
  return "";
}

std::int64_t JobStore::create(const Job& job) {
  const std::string state(word(job.state));
  return database_.write([&](soci::session& sql) -> std::int64_t {
    long long id = 0;
    sql << "select coalesce(max(id), 0) + 1 from job", soci::into(id);
    sql << "insert into job (id, kind, arguments, who, state, step, message, started, finished)"
           " values (:id, :kind, :arguments, :who, :state, :step, :message, :started, :finished)",
        soci::use(id), soci::use(job.kind), soci::use(job.arguments), soci::use(job.who),
        soci::use(state), soci::use(job.step), soci::use(job.message), soci::use(job.started),
        soci::use(job.finished);
    return id;
  });
}

void JobStore::update(const Job& job) {
  const long long id = job.id;
  const std::string state(word(job.state));
  database_.write([&](soci::session& sql) {
    soci::statement update =
        (sql.prepare << "update job set kind = :kind, arguments = :arguments, who = :who,"
                        " state = :state, step = :step, message = :message, started = :started,"
                        " finished = :finished where id = :id",
         soci::use(job.kind), soci::use(job.arguments), soci::use(job.who), soci::use(state),
         soci::use(job.step), soci::use(job.message), soci::use(job.started),
         soci::use(job.finished), soci::use(id));
    update.execute(true);
    if (update.get_affected_rows() == 0) no_such_job(id);
  });
}

Job JobStore::find(std::int64_t id) const {
  const long long key = id;
  return database_.read([&](soci::session& sql) {
    auto jobs = rows(sql, "where id = :id", &key);
    if (jobs.empty()) no_such_job(key);
    return jobs.front();
  });
}

std::vector<Job> JobStore::list(std::size_t count) const {
  const auto most = static_cast<long long>(count);
  return database_.read(
      [&](soci::session& sql) { return rows(sql, "order by id desc limit :count", &most); });
}

std::vector<Job> JobStore::unfinished() const {
  return database_.read(
      [](soci::session& sql) { return rows(sql, "where state = 'running' order by id", nullptr); });
}

void JobStore::set_items(std::int64_t job, const std::vector<JobItem>& items) {
  const long long key = job;
  database_.write([&](soci::session& sql) {
    long long jobs = 0;
    sql << "select count(*) from job where id = :id", soci::into(jobs), soci::use(key);
    if (jobs == 0) no_such_job(key);
    JobItem row;
    std::string state;
    soci::statement insert =
        (sql.prepare << "insert into job_item (job, phone, state, changed)"
                        " values (:job, :phone, :state, :changed)"
                        " on conflict (job, phone) do update set state = excluded.state,"
                        " changed = excluded.changed",
         soci::use(key), soci::use(row.phone), soci::use(state), soci::use(row.changed));
    for (const JobItem& item : items) {
      row = item;
      state = word(item.state);
      insert.execute(true);
    }
  });
}

std::vector<JobItem> JobStore::items(std::int64_t job) const {
  const long long key = job;
  return database_.read([&](soci::session& sql) {
    JobItem row;
    std::string state;
    soci::statement select =
        (sql.prepare << "select phone, state, changed from job_item where job = :job"
                        " order by phone",
         soci::into(row.phone), soci::into(state), soci::into(row.changed), soci::use(key));
    select.execute();
    std::vector<JobItem> result;
    while (select.fetch()) {
      row.state = state_from(kItemStates, state);
      result.push_back(row);
    }
    return result;
  });
}

JobCounts JobStore::counts(std::int64_t job) const {
  const long long key = job;
  return database_.read([&](soci::session& sql) {
    JobCounts counts;
    std::string state;
    long long count = 0;
    soci::statement select =
        (sql.prepare << "select state, count(*) from job_item where job = :job group by state",
         soci::into(state), soci::into(count), soci::use(key));
    select.execute();
    while (select.fetch()) {
      const auto number = static_cast<std::size_t>(count);
      counts.total += number;
      switch (state_from(kItemStates, state)) {
        case ItemState::waiting: counts.waiting = number; break;
        case ItemState::reset_sent: counts.reset_sent = number; break;
        case ItemState::returned: counts.returned = number; break;
        case ItemState::not_returned: counts.not_returned = number; break;
        case ItemState::failed: counts.failed = number; break;
      }
    }
    return counts;
  });
}

}  // namespace ringfence::core

// Jobs and their phones as rows.
#include "core/plans/job_store.h"

#include <array>
#include <utility>

#include "core/base/error.h"
#include "core/storage/rows.h"

namespace ringfence::core {
namespace {

constexpr std::array kJobStates = {JobState::running,     JobState::paused, JobState::done,
                                   JobState::interrupted, JobState::failed, JobState::cancelled};
constexpr std::array kWanted = {JobWanted::run, JobWanted::pause, JobWanted::cancel};
constexpr std::array kItemStates = {
    ItemState::waiting,     ItemState::reset_sent, ItemState::returned, ItemState::not_returned,
    ItemState::applied,     ItemState::enrolling,  ItemState::away,     ItemState::succeeded,
    ItemState::unreachable, ItemState::expired,    ItemState::failed,   ItemState::cancelled,
    ItemState::refused,     ItemState::unproven,   ItemState::removed};

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
  std::string wanted;
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
  select.exchange(soci::into(wanted));
  if (bound != nullptr) select.exchange(soci::use(*bound));
  select.alloc();
  select.prepare(
      "select id, kind, arguments, who, state, step, message, started, finished, wanted from job " +
      statement);
  select.define_and_bind();
  select.execute();
  std::vector<Job> jobs;
  while (select.fetch()) {
    row.id = id;
    row.state = state_from(kJobStates, state);
    row.wanted = state_from(kWanted, wanted);
    jobs.push_back(row);
  }
  return jobs;
}

struct ItemKey {
  long long job = 0;
  const std::string* state = nullptr;
  const long long* count = nullptr;
};

/// item_rows adds what `condition` selects; those of the key that are not null are bound.
void item_rows(soci::session& sql, const std::string& condition, const ItemKey& key,
               std::vector<JobItem>& result) {
  JobItem row;
  std::string state;
  long long request = 0;
  soci::statement select(sql);
  select.exchange(soci::into(row.phone));
  select.exchange(soci::into(state));
  select.exchange(soci::into(row.changed));
  select.exchange(soci::into(request));
  select.exchange(soci::into(row.detail));
  select.exchange(soci::use(key.job));
  if (key.state != nullptr) select.exchange(soci::use(*key.state));
  if (key.count != nullptr) select.exchange(soci::use(*key.count));
  select.alloc();
  select.prepare("select phone, state, changed, request, detail from job_item " + condition);
  select.define_and_bind();
  select.execute();
  while (select.fetch()) {
    row.state = state_from(kItemStates, state);
    row.request = request;
    result.push_back(row);
  }
}

[[noreturn]] void no_such_job(long long id) {
  throw Error(Code::not_found, "there is no job " + std::to_string(id));
}

}  // namespace

std::string_view word(JobState state) noexcept {
  switch (state) {
    case JobState::running: return "running";
    case JobState::paused: return "paused";
    case JobState::done: return "done";
    case JobState::failed: return "failed";
    case JobState::interrupted: return "interrupted";
    case JobState::cancelled: return "cancelled";
  }
  return "";
}

bool ended(JobState state) noexcept {
  return state != JobState::running && state != JobState::paused;
}

std::string_view word(JobWanted wanted) noexcept {
  switch (wanted) {
    case JobWanted::run: return "run";
    case JobWanted::pause: return "pause";
    case JobWanted::cancel: return "cancel";
  }
  return "";
}

std::string_view word(ItemState state) noexcept {
  switch (state) {
    case ItemState::waiting: return "waiting";
    case ItemState::reset_sent: return "reset_sent";
    case ItemState::returned: return "returned";
    case ItemState::not_returned: return "not_returned";
    case ItemState::refused: return "refused";
    case ItemState::unproven: return "unproven";
    case ItemState::applied: return "applied";
    case ItemState::enrolling: return "enrolling";
    case ItemState::away: return "away";
    case ItemState::succeeded: return "succeeded";
    case ItemState::unreachable: return "unreachable";
    case ItemState::expired: return "expired";
    case ItemState::failed: return "failed";
    case ItemState::cancelled: return "cancelled";
    case ItemState::removed: return "removed";
  }
  return "";
}

bool ended(ItemState state) noexcept {
  switch (state) {
    case ItemState::waiting:
    case ItemState::reset_sent:
    case ItemState::applied:
    case ItemState::enrolling:
    case ItemState::away: return false;
    case ItemState::returned:
    case ItemState::not_returned:
    case ItemState::refused:
    case ItemState::unproven:
    case ItemState::succeeded:
    case ItemState::unreachable:
    case ItemState::expired:
    case ItemState::failed:
    case ItemState::cancelled:
    case ItemState::removed: return true;
  }
  return false;
}

std::size_t JobCounts::of(ItemState state) const {
  const auto found = by_state.find(state);
  return found == by_state.end() ? 0 : found->second;
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
    // What a job of this number left that never came to be.
    if (secrets_) secrets_->forget(id);
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

void JobStore::want(std::int64_t id, JobWanted wanted) {
  const long long key = id;
  const std::string text(word(wanted));
  database_.write([&](soci::session& sql) {
    soci::statement update = (sql.prepare << "update job set wanted = :wanted where id = :id",
                              soci::use(text), soci::use(key));
    update.execute(true);
    if (update.get_affected_rows() == 0) no_such_job(key);
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
  return database_.read([](soci::session& sql) {
    return rows(sql, "where state in ('running', 'paused') order by id", nullptr);
  });
}

void JobStore::set_items(std::int64_t job, const std::vector<JobItem>& items) {
  if (items.empty()) return;
  const long long key = job;
  database_.write([&](soci::session& sql) {
    long long jobs = 0;
    sql << "select count(*) from job where id = :id", soci::into(jobs), soci::use(key);
    if (jobs == 0) no_such_job(key);
    JobItem row;
    std::string state;
    long long request = 0;
    soci::statement insert =
        (sql.prepare << "insert into job_item (job, phone, state, changed, request, detail)"
                        " values (:job, :phone, :state, :changed, :request, :detail)"
                        " on conflict (job, phone) do update set state = excluded.state,"
                        " changed = excluded.changed, request = excluded.request,"
                        " detail = excluded.detail",
         soci::use(key), soci::use(row.phone), soci::use(state), soci::use(row.changed),
         soci::use(request), soci::use(row.detail));
    for (const JobItem& item : items) {
      row = item;
      state = word(item.state);
      request = item.request;
      insert.execute(true);
    }
  });
}

std::vector<JobItem> JobStore::items(std::int64_t job) const {
  const long long key = job;
  return database_.read([&](soci::session& sql) {
    std::vector<JobItem> result;
    item_rows(sql, "where job = :job order by phone", {key, nullptr, nullptr}, result);
    return result;
  });
}

std::vector<JobItem> JobStore::items_in(std::int64_t job, const std::vector<ItemState>& states,
                                        std::size_t count) const {
  const long long key = job;
  return database_.read([&](soci::session& sql) {
    std::vector<JobItem> result;
    for (const ItemState one : states) {
      if (result.size() >= count) break;
      const std::string state(word(one));
      const auto most = static_cast<long long>(count - result.size());
      item_rows(sql, "where job = :job and state = :state order by phone limit :count",
                {key, &state, &most}, result);
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
      counts.by_state[state_from(kItemStates, state)] = number;
    }
    return counts;
  });
}

std::map<std::string, std::int64_t> JobStore::busy(std::string_view kind) const {
  std::map<std::string, std::int64_t> jobs;
  for (const Job& job : unfinished()) {
    if (job.kind != kind) continue;
    for (const JobItem& item : items(job.id))
      if (!ended(item.state)) jobs.emplace(item.phone, job.id);
  }
  return jobs;
}

std::size_t JobStore::prune(Time before, std::size_t most) {
  constexpr std::string_view kOldest =
      "select id from job where state not in ('running', 'paused') and finished < :before"
      " and id < (select max(id) from job) order by id limit 1";
  return database_.write([&](soci::session& /*sql*/) {
    std::size_t gone = 0;
    while (gone < most) {
      std::int64_t job = 0;
      if (!Database::Prepared(database_, kOldest).into(job).use(before).execute()) break;
      const auto left = static_cast<std::int64_t>(most - gone);
      Database::Prepared items(database_,
                               "delete from job_item where job = :job and phone in"
                               " (select phone from job_item where job = :same limit :left)");
      items.use(job).use(job).use(left).execute();
      const auto count = static_cast<std::size_t>(items.changed());
      gone += count;
      if (gone == most) break;
      Database::Prepared(database_, "delete from job where id = :job").use(job).execute();
      ++gone;
    }
    return gone;
  });
}

const JobSecrets& JobStore::secrets() const {
  if (!secrets_) throw Error(Code::internal, "jobs' secrets have no place here");
  return *secrets_;
}

JobSecrets& JobStore::secrets() {
  return const_cast<JobSecrets&>(std::as_const(*this).secrets());
}

void JobStore::keep_secrets(std::int64_t job, const std::map<std::string, std::string>& secrets) {
  this->secrets().keep_strings(job, secrets);
}

std::map<std::string, std::string> JobStore::take_secrets(std::int64_t job,
                                                          const std::vector<std::string>& phones) {
  std::map<std::string, std::string> strings;
  for (const std::string& phone : phones)
    if (std::string string = secrets().string_of(job, phone); !string.empty())
      strings.emplace(phone, std::move(string));
  if (!strings.empty())
    database_.after_commit([=, kept = secrets()]() mutable { kept.forget_strings(job, phones); });
  return strings;
}

void JobStore::forget_secrets(std::int64_t job) {
  database_.after_commit([job, kept = secrets()]() mutable { kept.forget(job); });
}

void JobStore::keep_before(std::int64_t job, const std::map<std::string, std::string>& settings) {
  secrets().keep_before(job, settings);
}

std::string JobStore::before(std::int64_t job, const std::string& phone) const {
  return secrets().before(job, phone);
}

}  // namespace ringfence::core

// Jobs and what became of each phone in them. admin.db, written by ringfence-admin.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/plans/job_secrets.h"
#include "core/storage/database.h"

namespace ringfence::core {

/// JobState is where a job stands. `done`, `failed`, `interrupted` and `cancelled` are its end.
enum class JobState { running, paused, done, failed, interrupted, cancelled };
std::string_view word(JobState state) noexcept;
bool ended(JobState state) noexcept;

/// JobWanted is what an administrator wants of a job that has not ended; the job sees to it.
enum class JobWanted { run, pause, cancel };
std::string_view word(JobWanted wanted) noexcept;

/// ItemState is where one phone stands in a job; every phone ends in exactly one final state.
enum class ItemState {
  waiting,  ///< nothing was done yet
  // A regeneration's.
  reset_sent,    ///< NOTIFY asked for
  returned,      ///< final: registered again, and proven to believe the new list if it uses one
  not_returned,  ///< final: the time is over
  refused,       ///< final: registered again, and what it did shows that it kept its old list
  unproven,      ///< final: registered again, and nothing proves that it believes the new list
  // A bulk job's.
  applied,      ///< its settings are written, NOTIFY asked for
  enrolling,    ///< it took the NOTIFY: it reads its configuration and goes to CAPF
  away,         ///< not registered, or it did not take the NOTIFY: it learns at its next start
  succeeded,    ///< final: the operation's status is success
  unreachable,  ///< final: still away when the operation's time was over
  expired,      ///< final: the operation's time was over while it was pending
  // Both.
  failed,     ///< final: it refused the NOTIFY, or the operation failed; see JobItem::detail
  cancelled,  ///< final: the job was cancelled before its turn, or while it was pending
  removed,    ///< final: somebody removed the phone
};
std::string_view word(ItemState state) noexcept;
bool ended(ItemState state) noexcept;

/// Job is one long piece of work; it survives the shell and the daemon that began it.
struct Job {
  std::int64_t id = 0;
  std::string kind;       ///< "regenerate", "capf-bulk"
  std::string arguments;  ///< JSON object, without secrets
  std::string who;
  JobState state = JobState::running;
  std::string step;     ///< what it is doing now, or did last, in words
  std::string message;  ///< why it failed, or a summary
  Time started;
  std::optional<Time> finished;
  JobWanted wanted = JobWanted::run;  ///< changed by JobStore::want alone
};

struct JobItem {
  std::string phone;
  ItemState state = ItemState::waiting;
  Time changed;
  std::int64_t request = 0;  ///< a bulk job's: the number of what was asked, 0 before
  std::string detail = {};   ///< why it failed, refused or is unproven, or ""
};

/// JobCounts counts a job's phones by state; a state that no phone is in is absent.
struct JobCounts {
  std::size_t total = 0;
  std::map<ItemState, std::size_t> by_state;

  std::size_t of(ItemState state) const;
};

/// JobStore keeps both. Safe from several threads. Errors: `io`, `not_found`.
class JobStore {
 public:
  /// Without secrets.db the calls that keep, take or forget secrets are Error{internal}.
  explicit JobStore(Database& database) : database_(database) {}

  /// `secrets` is secrets.db; both must outlive the store.
  JobStore(Database& database, Database& secrets) : database_(database), secrets_(secrets) {}

  std::int64_t create(const Job& job);  ///< returns its id; `job.id` does not count
  void update(const Job& job);          ///< all but `wanted`
  void want(std::int64_t id, JobWanted wanted);
  Job find(std::int64_t id) const;
  std::vector<Job> list(std::size_t count) const;  ///< newest first
  std::vector<Job> unfinished() const;             ///< running and paused ones, oldest first

  void set_items(std::int64_t job, const std::vector<JobItem>& items);  ///< insert or update
  std::vector<JobItem> items(std::int64_t job) const;                   ///< by phone
  /// items_in returns at most `count` of the phones in these states, by state and phone.
  std::vector<JobItem> items_in(std::int64_t job, const std::vector<ItemState>& states,
                                std::size_t count) const;
  JobCounts counts(std::int64_t job) const;
  /// busy returns, by phone, the unfinished job that still has to do with it, of this kind.
  std::map<std::string, std::int64_t> busy(std::string_view kind) const;

  /// prune takes away at most `most` rows of jobs that ended before `before`: their items first,
  /// then themselves. The newest job stays, whose number the next one counts on from. Returns how
  /// many rows those were.
  std::size_t prune(Time before, std::size_t most);

  /// keep_secrets keeps, by phone, the authentication string that an item's phone gets when its
  /// turn comes; take_secrets returns those of `phones` that have one, and forgets them, with one
  /// write, once the transaction at hand is on the disk. forget_secrets forgets all of a job's,
  /// likewise.
  void keep_secrets(std::int64_t job, const std::map<std::string, std::string>& secrets);
  std::map<std::string, std::string> take_secrets(std::int64_t job,
                                                  const std::vector<std::string>& phones);
  void forget_secrets(std::int64_t job);
  /// keep_before keeps, by phone, what the job will have changed of it, in the job's own form, for
  /// `before` to return, "" for nothing; forget_secrets forgets it, too.
  void keep_before(std::int64_t job, const std::map<std::string, std::string>& settings);
  std::string before(std::int64_t job, const std::string& phone) const;

 private:
  const JobSecrets& secrets() const;
  JobSecrets& secrets();

  Database& database_;
  std::optional<JobSecrets> secrets_;
};

}  // namespace ringfence::core

// Jobs and what became of each phone in them. admin.db, written by ringfence-admin.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/storage/database.h"

namespace ringfence::core {

enum class JobState { running, done, failed, interrupted };
std::string_view word(JobState state) noexcept;

/// ItemState is where one phone stands in a job; every phone ends in exactly one final state.
enum class ItemState {
  waiting,       ///< reset not yet asked for
  reset_sent,    ///< NOTIFY asked for
  returned,      ///< registered again, with the new list where it fetches one
  not_returned,  ///< the time is over
  failed,        ///< it refused the NOTIFY
};
std::string_view word(ItemState state) noexcept;

/// Job is one long piece of work; it survives the shell and the daemon that began it.
struct Job {
  std::int64_t id = 0;
  std::string kind;       ///< "regenerate"
  std::string arguments;  ///< JSON object
  std::string who;
  JobState state = JobState::running;
  std::string step;     ///< what it is doing now, or did last, in words
  std::string message;  ///< why it failed, or a summary
  Time started;
  std::optional<Time> finished;
};

struct JobItem {
  std::string phone;
  ItemState state = ItemState::waiting;
  Time changed;
};

/// JobCounts counts a job's phones by state.
struct JobCounts {
  std::size_t total = 0, waiting = 0, reset_sent = 0, returned = 0, not_returned = 0, failed = 0;
};

/// JobStore keeps both. Safe from several threads. Errors: `io`, `not_found`.
class JobStore {
 public:
  explicit JobStore(Database& database) : database_(database) {}

  std::int64_t create(const Job& job);  ///< returns its id; `job.id` does not count
  void update(const Job& job);
  Job find(std::int64_t id) const;
  std::vector<Job> list(std::size_t count) const;  ///< newest first
  std::vector<Job> unfinished() const;             ///< running ones, oldest first

  void set_items(std::int64_t job, const std::vector<JobItem>& items);  ///< insert or update
  std::vector<JobItem> items(std::int64_t job) const;                   ///< by phone
  JobCounts counts(std::int64_t job) const;

 private:
  Database& database_;
};

}  // namespace ringfence::core

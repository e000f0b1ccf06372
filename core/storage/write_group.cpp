// Writes of many threads that share one transaction.
#include "core/storage/write_group.h"

#include <future>
#include <utility>

#include "core/storage/rows.h"

namespace ringfence::core {

WriteGroup::WriteGroup(Database& database, const Bounds& bounds)
    : database_(database), bounds_(bounds), thread_([this] { run(); }) {}

WriteGroup::~WriteGroup() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  come_.notify_one();
  thread_.join();
}

void WriteGroup::submit(Work work, Done done) {
  std::unique_lock lock(mutex_);
  add({std::move(work), std::move(done), true, nullptr}, lock);
}

void WriteGroup::queue(Work work, Failed failed) {
  auto tell = [failed = std::move(failed)](const std::exception_ptr& error) {
    if (!error) return;
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& why) {
      failed(why);
    }
  };
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return pieces_.size() < bounds_.waiting; });
  add({std::move(work), std::move(tell), false, nullptr}, lock);
}

void WriteGroup::later(std::chrono::milliseconds after, Work work, Done done) {
  {
    const std::lock_guard lock(mutex_);
    put_off_.emplace(std::chrono::steady_clock::now() + after,
                     Piece{std::move(work), std::move(done), false});
    looks_ = false;
  }
  come_.notify_one();
}

void WriteGroup::flush() {
  run_and_wait([](soci::session& /*sql*/) {});
}

WriteGroup::Counts WriteGroup::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void WriteGroup::run_and_wait(Work work) {
  std::promise<void> end;
  auto tell = [&end](const std::exception_ptr& error) {
    if (error)
      end.set_exception(error);
    else
      end.set_value();
  };
  {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return pieces_.size() < bounds_.waiting; });
    add({std::move(work), std::move(tell), true, nullptr}, lock);
  }
  end.get_future().get();
}

void WriteGroup::add(Piece piece, std::unique_lock<std::mutex>& lock) {
  if (piece.awaited) ++awaited_;
  pieces_.push_back(std::move(piece));
  // A queued piece wakes the thread only from its long sleep; it then lingers for company. One that
  // is awaited wakes it unless it was woken already.
  const bool wake = awaited_ == 1 || pieces_.size() == 1 || pieces_.size() >= bounds_.waiting;
  lock.unlock();
  if (wake) come_.notify_one();
}

void WriteGroup::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    const auto woken = [this] { return stopping_ || !pieces_.empty() || !looks_; };
    if (put_off_.empty())
      come_.wait(lock, woken);
    else
      come_.wait_until(lock, put_off_.begin()->first, woken);
    take_what_is_due();
    if (pieces_.empty() && stopping_) return;
    if (pieces_.empty()) continue;
    come_.wait_for(lock, bounds_.linger, [this] {
      return stopping_ || awaited_ > 0 || pieces_.size() >= bounds_.waiting;
    });
    std::vector<Piece> group;
    for (; !pieces_.empty() && group.size() < bounds_.group; pieces_.pop_front()) {
      if (pieces_.front().awaited) --awaited_;
      group.push_back(std::move(pieces_.front()));
    }
    counts_.works += group.size();
    ++counts_.commits;
    lock.unlock();
    room_.notify_all();
    commit(group);
    lock.lock();
  }
}

void WriteGroup::take_what_is_due() {
  looks_ = true;
  const auto end =
      stopping_ ? put_off_.end() : put_off_.upper_bound(std::chrono::steady_clock::now());
  for (auto one = put_off_.begin(); one != end; one = put_off_.erase(one))
    pieces_.push_back(std::move(one->second));
}

void WriteGroup::commit(std::vector<Piece>& group) {
  std::exception_ptr broken;
  try {
    database_.write([&](soci::session& sql) {
      for (Piece& piece : group) run_in_savepoint(piece, sql);
    });
  } catch (...) {
    broken = std::current_exception();
  }
  if (broken) make_void();
  for (Piece& piece : group) {
    piece.done(piece.error ? piece.error : broken);
    piece.work = nullptr;
  }
}

/// make_void has a commit that failed not come back after a crash, if the disk takes that much.
void WriteGroup::make_void() noexcept {
  try {
    database_.settle();
  } catch (const std::exception&) {  // the callers hear of the first failure; a full disk stays so
  }
}

/// run_in_savepoint throws when the whole transaction is lost: SQLite rolls all of it back when the
/// disk fails in the middle.
void WriteGroup::run_in_savepoint(Piece& piece, soci::session& sql) {
  Database::Prepared(database_, "savepoint piece").execute();
  try {
    database_.fail_as_error([&] { piece.work(sql); });
  } catch (...) {
    piece.error = std::current_exception();
    Database::Prepared(database_, "rollback to piece").execute();
  }
  Database::Prepared(database_, "release piece").execute();
}

}  // namespace ringfence::core

#include "services/callmanager/ledger.h"

#include "core/base/log.h"

namespace ringfence::services::callmanager {

namespace {

constexpr std::chrono::seconds kRetry{1};

}  // namespace

Ledger::Ledger(const std::filesystem::path& path)
    : database_(path, core::Schema::callmanager, core::Access::read_write),
      store_(database_),
      reports_(database_) {
  thread_ = std::thread([this] { run(); });
}

Ledger::~Ledger() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::vector<core::Registration> Ledger::registrations(core::Time now) {
  store_.remove_expired(now);
  return store_.list();
}

// A disk that refuses these two lines is no reason to refuse phones.
void Ledger::started(core::Time at) {
  try {
    store_.registrar_started(at);
  } catch (const std::exception& error) {
    core::log(core::Level::error, "STORE_FAILED", {{"error", error.what()}});
  }
}

void Ledger::stopped(core::Time at) {
  try {
    store_.registrar_stopped(at);
  } catch (const std::exception& error) {
    core::log(core::Level::error, "STORE_FAILED", {{"error", error.what()}});
  }
}

void Ledger::queue_report(core::PhoneReport report) {
  {
    const std::lock_guard lock(mutex_);
    std::string device = report.device;
    waiting_.reports.insert_or_assign(std::move(device), std::move(report));
  }
  changed_.notify_all();
}

void Ledger::queue(Changes changes) {
  if (changes.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (Change& change : changes)
      waiting_.contacts.insert_or_assign(std::move(change.key), std::move(change.row));
  }
  changed_.notify_all();
}

void Ledger::queue_sent(core::ResetRow row) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.sent.push_back(std::move(row));
  }
  changed_.notify_all();
}

void Ledger::queue_answered(std::int64_t id, std::string device, int status, core::Time at,
                            std::string by) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.answered.push_back({id, std::move(device), status, at, std::move(by)});
  }
  changed_.notify_all();
}

void Ledger::run() {
  Batch batch;
  bool failed = false;
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto due = [this] { return stopping_ || !waiting_.empty(); };
    // After a failure the wait is a pause; a stop ends it.
    if (failed)
      changed_.wait_for(lock, kRetry, [this] { return stopping_; });
    else
      changed_.wait(lock, due);
    const bool last = stopping_;
    for (auto& [key, row] : waiting_.contacts) batch.contacts.insert_or_assign(key, std::move(row));
    std::move(waiting_.sent.begin(), waiting_.sent.end(), std::back_inserter(batch.sent));
    std::move(waiting_.answered.begin(), waiting_.answered.end(),
              std::back_inserter(batch.answered));
    for (auto& [device, report] : waiting_.reports)
      batch.reports.insert_or_assign(device, std::move(report));
    waiting_ = Batch();
    lock.unlock();
    try {
      if (!batch.empty()) commit(batch);
      batch = Batch();
      failed = false;
    } catch (const std::exception& error) {
      // Kept and tried again: the phones are registered in memory all the same.
      if (!std::exchange(failed, true))
        core::log(core::Level::error, "STORE_FAILED", {{"error", error.what()}});
    }
    lock.lock();
    if (last && waiting_.empty()) return;
  }
}

void Ledger::commit(const Batch& batch) {
  core::Database::Transaction transaction(database_);
  std::vector<core::Registration> saved;
  for (const auto& [key, row] : batch.contacts) {
    if (row)
      saved.push_back(*row);
    else
      store_.remove(key.device, key.contact, key.address);
  }
  store_.save(saved);
  store_.reset_sent(batch.sent);
  for (const Answer& answer : batch.answered)
    store_.reset_answered(answer.id, answer.device, answer.status, answer.at, answer.by);
  for (const auto& [device, report] : batch.reports) reports_.save(report);
  transaction.commit();
}

}  // namespace ringfence::services::callmanager

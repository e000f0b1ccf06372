#include "services/callmanager/ledger.h"

#include "core/base/log.h"

namespace ringfence::services::callmanager {

Ledger::Ledger(const std::filesystem::path& path)
    : database_(path, core::Schema::callmanager, core::Access::read_write),
      store_(database_),
      reports_(database_),
      group_(database_),
      behind_(
          group_, {.event = "STORE_FAILED", .gather = std::chrono::milliseconds(0)},
          [this] { return take(); }, [this](const Batch& batch) { commit(batch); }) {}

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
  std::string device = report.device;
  change(
      [&](Batch& batch) { batch.reports.insert_or_assign(std::move(device), std::move(report)); });
}

void Ledger::queue(Changes changes) {
  if (changes.empty()) return;
  change([&](Batch& batch) {
    for (Change& one : changes)
      batch.contacts.insert_or_assign(std::move(one.key), std::move(one.row));
  });
}

void Ledger::queue_sent(core::ResetRow row) {
  change([&](Batch& batch) { batch.sent.push_back(std::move(row)); });
}

void Ledger::queue_answered(std::int64_t id, std::string device, int status, core::Time at,
                            std::string by) {
  change([&](Batch& batch) {
    batch.answered.push_back({id, std::move(device), status, at, std::move(by)});
  });
}

std::pair<Ledger::Batch, bool> Ledger::take() {
  const std::lock_guard lock(mutex_);
  return {std::exchange(waiting_, {}), false};
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

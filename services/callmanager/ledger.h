// Writes callmanager.db behind the SIP thread's back, many changes a commit.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/phones/phone_report_store.h"
#include "core/phones/registration_store.h"
#include "core/storage/write_behind.h"
#include "services/callmanager/registrar.h"

namespace ringfence::services::callmanager {

/// Ledger owns callmanager.db. What is queued is committed in order behind the caller's back,
/// everything that waits in one transaction; several changes of one contact become the last one.
///
/// A commit that fails (a full disk) is tried again each second and nothing is forgotten meanwhile;
/// the log says so once. Safe from several threads; queueing never blocks on the disk.
class Ledger {
 public:
  /// Creates or opens `path`; throws what core::Database throws.
  /// What waits at its end is committed, once.
  explicit Ledger(const std::filesystem::path& path);

  /// database and group are how others of this program write callmanager.db.
  core::Database& database() noexcept { return database_; }

  core::WriteGroup& group() noexcept { return group_; }

  /// registrations reads back what an earlier run stored and has not expired at `now`. Blocks.
  std::vector<core::Registration> registrations(core::Time now);

  /// reports reads back what devices said of themselves. Blocks.
  std::vector<core::PhoneReport> reports() const { return reports_.list(); }

  void started(core::Time at);  ///< the registrar serves. Blocks.
  void stopped(core::Time at);  ///< … no more, in good order. Blocks.

  void queue(Changes changes);
  void queue_report(core::PhoneReport report);
  void queue_sent(core::ResetRow row);
  void queue_answered(std::int64_t id, std::string device, int status, core::Time at,
                      std::string by = "");

 private:
  struct Answer {
    std::int64_t id;
    std::string device;
    int status;
    core::Time at;
    std::string by;  ///< the address of a 2xx
  };

  struct Batch {
    std::map<ContactKey, std::optional<core::Registration>> contacts;  ///< nothing: removed
    std::vector<core::ResetRow> sent;
    std::vector<Answer> answered;                      ///< each after its `sent`
    std::map<std::string, core::PhoneReport> reports;  ///< by device

    bool empty() const {
      return contacts.empty() && sent.empty() && answered.empty() && reports.empty();
    }
  };

  /// change lets `work` add to what waits.
  template <typename Work>
  void change(const Work& work) {
    {
      const std::lock_guard lock(mutex_);
      work(waiting_);
    }
    behind_.due();
  }

  std::pair<Batch, bool> take();
  void commit(const Batch& batch);

  core::Database database_;
  core::RegistrationStore store_;
  core::PhoneReportStore reports_;

  core::WriteGroup group_;
  std::mutex mutex_;
  Batch waiting_;                    ///< guarded by mutex_
  core::WriteBehind<Batch> behind_;  ///< last: it uses all of the above
};

}  // namespace ringfence::services::callmanager

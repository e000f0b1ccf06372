// Writes callmanager.db behind the SIP thread's back, many changes a commit.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/phones/phone_report_store.h"
#include "core/phones/registration_store.h"
#include "core/storage/database.h"
#include "services/callmanager/registrar.h"

namespace ringfence::services::callmanager {

/// Ledger owns callmanager.db. What is queued is committed in order by a thread of its own,
/// everything that waits in one transaction; several changes of one contact become the last one.
///
/// A commit that fails (a full disk) is tried again each second and nothing is forgotten meanwhile;
/// the log says so once. Safe from several threads; queueing never blocks on the disk.
class Ledger {
 public:
  /// Creates or opens `path`; throws what core::Database throws.
  explicit Ledger(const std::filesystem::path& path);
  ~Ledger();  ///< commits what waits, once
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

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

  void run();
  void commit(const Batch& batch);

  core::Database database_;
  core::RegistrationStore store_;
  core::PhoneReportStore reports_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Batch waiting_;
  bool stopping_ = false;
  std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace ringfence::services::callmanager

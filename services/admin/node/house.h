// What every method of the admin API works with: configuration, databases, stores, token, services.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/audit/account_store.h"
#include "core/audit/audit_log.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/certificates/certificate_store.h"
#include "core/config/config.h"
#include "core/crypto/token.h"
#include "core/phones/capf_inventory.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/fetch_store.h"
#include "core/phones/phone_store.h"
#include "core/phones/registration_store.h"
#include "core/phones/security_profile_store.h"
#include "core/plans/job_store.h"
#include "core/storage/database.h"
#include "core/trust/list_store.h"
#include "services/admin/jobs/registrar_truth.h"
#include "services/admin/node/service_control.h"

namespace ringfence::services::admin {

class TrustLedger;

/// NeighbourDatabase is another daemon's file, opened read-only once it is there.
class NeighbourDatabase {
 public:
  NeighbourDatabase(std::filesystem::path path, core::Schema schema)
      : path_(std::move(path)), schema_(schema) {}

  /// open returns the database, or null while its daemon has not made it yet, or not brought it to
  /// this version yet. Thread-safe.
  core::Database* open();

 private:
  std::filesystem::path path_;
  core::Schema schema_;
  std::mutex mutex_;
  std::unique_ptr<core::Database> database_;
};

/// House is the state of ringfence-admin. Its parts are safe from several threads.
///
/// The constructor takes the state folder for this process: Error{conflict} names the process that
/// has it.
class House {
 public:
  explicit House(const std::filesystem::path& state);
  House(const House&) = delete;
  House& operator=(const House&) = delete;
  ~House();

  const core::Config config;

 private:
  core::Fd lock_;  // before the databases: nobody else may have them open for writing

 public:
  core::SystemClock clock;
  core::Database database;
  core::Database secrets;  ///< secrets.db: strings of phones, which only capf reads beside us
  core::CertificateStore certificates;
  core::PhoneStore phones;
  core::SecurityProfileStore profiles;
  core::ListStore lists;
  core::JobStore jobs;
  core::AuditLog audit;
  core::AccountStore accounts;
  core::Token token;
  /// trust_mutex is held by whoever changes certificates or publishes a trust list.
  std::mutex trust_mutex;
  /// phone_mutex is held from reading a phone's record to saving it changed.
  std::mutex phone_mutex;

  /// What the neighbours know; empty while they have not started yet.
  /// The contacts that have not expired, by device, but those that left a NOTIFY unanswered. While
  /// no registrar serves, that is who was registered until then: ask `registrar` too.
  std::vector<core::Registration> registrations();
  RegistrarTruth registrar();
  std::vector<core::Fetch> last_itls();
  std::unordered_map<std::string, core::CapfState> capf_states();  ///< of every device, by name
  std::vector<core::ResetRow> resets(std::int64_t id);

  /// The neighbours' databases themselves, read-only; null while they have not started yet.
  core::Database* admin_db() { return &database; }  ///< our own, as theirs are asked for

  core::Database* capf_db() { return capf_database_.open(); }

  core::Database* callmanager_db() { return callmanager_database_.open(); }

  core::Database* tftp_db() { return tftp_database_.open(); }

  core::Database* tvs_db() { return tvs_database_.open(); }

  /// trust tells which phones believe the trust list in force.
  TrustLedger& trust() { return *trust_; }

  /// next_reset_number gives each reset outside a job a number of its own, below 0 and kept across
  /// restarts; jobs use theirs, above 0.
  std::int64_t next_reset_number();

  /// record_act writes an audit record: `event` is "…_INTENT", "…_DONE" or "…_FAILED", `detail`
  /// one JSON object without secrets.
  void record_act(const std::string& who, const std::string& event, const std::string& detail);

  /// record_done is record_act for what has happened already, which stays done when its record
  /// cannot be written: that is logged then, owed to the audit log, and the sentence that is
  /// returned says so; "" when it was written. At most 100 are owed, and they end with this
  /// process.
  std::string record_done(const std::string& who, const std::string& event,
                          const std::string& detail) noexcept;

  /// write_owed_audit writes what is owed, as far as it can be done now. Each change and each job's
  /// end begins with it. Not inside a transaction, which may be taken back.
  void write_owed_audit() noexcept;

 private:
  /// Owed is an audit record that could not be written when it was due.
  struct Owed {
    core::Time at;
    std::string who;
    std::string event;
    std::string detail;
  };

  std::mutex owed_mutex_;
  std::vector<Owed> owed_;  ///< oldest first; guarded by owed_mutex_
  NeighbourDatabase capf_database_;
  NeighbourDatabase callmanager_database_;
  NeighbourDatabase tftp_database_;
  NeighbourDatabase tvs_database_;
  std::unique_ptr<TrustLedger> trust_;  // last: it reads all of the above
};

}  // namespace ringfence::services::admin

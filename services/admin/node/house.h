// The state folder of ringfence-admin, taken for this process, and what is opened in it.
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
#include "services/admin/node/acts.h"
#include "services/admin/node/neighbours.h"
#include "services/admin/node/service_control.h"

namespace ringfence::services::admin {

class TrustLedger;

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

  Neighbours neighbours;
  Acts acts;

  // What nouns of jobs and capf still ask a house for.
  std::vector<core::Registration> registrations() { return neighbours.registrations(); }

  RegistrarTruth registrar() { return neighbours.registrar(); }

  std::vector<core::Fetch> last_itls() { return neighbours.last_itls(); }

  std::unordered_map<std::string, core::CapfState> capf_states() {
    return neighbours.capf_states();
  }

  std::vector<core::ResetRow> resets(std::int64_t id) { return neighbours.resets(id); }

  core::Database* admin_db() { return &database; }  ///< our own, as theirs are asked for

  core::Database* capf_db() { return neighbours.capf(); }

  core::Database* callmanager_db() { return neighbours.callmanager(); }

  core::Database* tftp_db() { return neighbours.tftp(); }

  core::Database* tvs_db() { return neighbours.tvs(); }

  void record_act(const std::string& who, const std::string& event, const std::string& detail) {
    acts.record(who, event, detail);
  }

  std::string record_done(const std::string& who, const std::string& event,
                          const std::string& detail) noexcept {
    return acts.record_done(who, event, detail);
  }

  void write_owed_audit() noexcept { acts.write_owed(); }

  /// trust tells which phones believe the trust list in force.
  TrustLedger& trust() { return *trust_; }

  /// next_reset_number gives each reset outside a job a number of its own, below 0 and kept across
  /// restarts; jobs use theirs, above 0.
  std::int64_t next_reset_number();

 private:
  std::unique_ptr<TrustLedger> trust_;  // last: it reads all of the above
};

}  // namespace ringfence::services::admin

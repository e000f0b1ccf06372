// What the other daemons know: their databases, read-only, and whether they answer.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/config/config.h"
#include "core/phones/capf_inventory.h"
#include "core/phones/enrolment_store.h"
#include "core/phones/fetch_store.h"
#include "core/phones/registration_store.h"
#include "core/storage/database.h"
#include "services/admin/node/registrar_truth.h"

namespace ringfence::services::admin {

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

/// Neighbours are CAPF, Cisco CallManager, Cisco Tftp and TVS as their databases show them; what
/// they know is empty while they have not started yet. Safe from several threads. Errors: `io`.
class Neighbours {
 public:
  /// Both must outlive it.
  Neighbours(const core::Config& config, const core::Clock& clock);

  /// The databases themselves; null while their daemons have not started yet.
  core::Database* capf() { return capf_.open(); }

  core::Database* callmanager() { return callmanager_.open(); }

  core::Database* tftp() { return tftp_.open(); }

  core::Database* tvs() { return tvs_.open(); }

  /// registrations are the contacts that have not expired, by device, but those that left a NOTIFY
  /// unanswered. While no registrar serves, that is who was registered until then: ask `registrar`
  /// too.
  std::vector<core::Registration> registrations();
  RegistrarTruth registrar();
  std::vector<core::Fetch> last_itls();
  std::unordered_map<std::string, core::CapfState> capf_states();  ///< of every device, by name
  std::vector<core::ResetRow> resets(std::int64_t id);

 private:
  const core::Config& config_;
  const core::Clock& clock_;
  NeighbourDatabase capf_;
  NeighbourDatabase callmanager_;
  NeighbourDatabase tftp_;
  NeighbourDatabase tvs_;
};

}  // namespace ringfence::services::admin

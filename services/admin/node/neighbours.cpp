#include "services/admin/node/neighbours.h"

#include "core/base/error.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;

core::Database* NeighbourDatabase::open() {
  const std::lock_guard lock(mutex_);
  if (!database_) {
    try {
      database_ = std::make_unique<core::Database>(path_, schema_, core::Access::read_only);
    } catch (const Error& error) {
      // Refused is one of another version: its daemon was not started since the update, and brings
      // it up to date when it is.
      if (error.code() != Code::not_found && error.code() != Code::refused) throw;
    }
  }
  return database_.get();
}

Neighbours::Neighbours(const core::Config& config, const core::Clock& clock)
    : config_(config),
      clock_(clock),
      capf_(config.capf_db(), core::Schema::capf),
      callmanager_(config.callmanager_db(), core::Schema::callmanager),
      tftp_(config.tftp_db(), core::Schema::tftp),
      tvs_(config.tvs_db(), core::Schema::tvs) {}

std::vector<core::Registration> Neighbours::registrations() {
  core::Database* database = callmanager();
  if (database == nullptr) return {};
  std::vector<core::Registration> all = core::RegistrationStore(*database).list();
  const core::Time now = clock_.now();
  std::erase_if(
      all, [&](const core::Registration& one) { return one.expires_at <= now || !one.answers(); });
  return all;
}

RegistrarTruth Neighbours::registrar() {
  const std::filesystem::path socket = config_.control_socket("callmanager");
  core::Database* database = callmanager();
  if (database == nullptr) return registrar_truth(socket, nullptr);
  const core::RegistrationStore store(*database);
  return registrar_truth(socket, &store);
}

std::vector<core::Fetch> Neighbours::last_itls() {
  core::Database* database = tftp();
  return database == nullptr ? std::vector<core::Fetch>{} : core::FetchStore(*database).last_itls();
}

std::unordered_map<std::string, core::CapfState> Neighbours::capf_states() {
  core::Database* database = capf();
  if (database == nullptr) return {};
  return core::CapfInventory(*database).between("", "\x7f");
}

std::vector<core::ResetRow> Neighbours::resets(std::int64_t id) {
  core::Database* database = callmanager();
  if (database == nullptr) return {};
  return core::RegistrationStore(*database).resets(id);
}

}  // namespace ringfence::services::admin

#include "services/admin/node/house.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/net/rpc.h"
#include "core/plans/secret_move.h"
#include "core/storage/setting_store.h"
#include "services/admin/node/this_node.h"
#include "services/admin/trust/trust_ledger.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::Level;

namespace {

constexpr std::size_t kMostOwed = 100;  // audit records that wait for a disk

std::filesystem::path with_folders(const core::Config& config) {
  for (const char* folder : {"db", "tftp", "log", "run"}) {
    const auto path = config.state() / folder;
    std::filesystem::create_directories(path);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
  core::sync_folder(config.state());
  return config.admin_db();
}

core::Fd take(const std::filesystem::path& state) {
  const auto path = state / "lock";
  auto lock = core::lock_file(path);
  if (lock) return std::move(*lock);
  std::string pid = core::text_of(core::read_file(path, 32));
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  throw Error(Code::conflict, "another Ringfence already uses " + state.string() +
                                  " (ringfence-admin, process " + pid +
                                  "); stop it, or give this one another --state");
}

}  // namespace

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

House::House(const std::filesystem::path& state)
    : config(core::Config::load(state)),
      lock_(take(state)),
      database(with_folders(config), core::Schema::admin, core::Access::read_write),
      secrets(config.secrets_db(), core::Schema::secrets, core::Access::read_write),
      certificates(database),
      phones(database, secrets),
      profiles(database),
      lists(database),
      jobs(database, secrets),
      audit(database),
      accounts(database),
      token(config.signer_socket("admin")),
      capf_database_(config.capf_db(), core::Schema::capf),
      callmanager_database_(config.callmanager_db(), core::Schema::callmanager),
      tftp_database_(config.tftp_db(), core::Schema::tftp),
      tvs_database_(config.tvs_db(), core::Schema::tvs),
      trust_(std::make_unique<TrustLedger>(*this)) {
  core::tidy_secrets(database, secrets);
  core::NodeStore(database).describe_this(this_node(config));
  // Whoever installed it may do everything.
  if (accounts.list().empty()) accounts.save({core::user_name(::getuid()), 4});
}

House::~House() = default;

std::vector<core::Registration> House::registrations() {
  core::Database* neighbour = callmanager_database_.open();
  if (neighbour == nullptr) return {};
  std::vector<core::Registration> all = core::RegistrationStore(*neighbour).list();
  const core::Time now = clock.now();
  std::erase_if(
      all, [&](const core::Registration& one) { return one.expires_at <= now || !one.answers(); });
  return all;
}

RegistrarTruth House::registrar() {
  core::Database* neighbour = callmanager_database_.open();
  if (neighbour == nullptr) return registrar_truth(config.control_socket("callmanager"), nullptr);
  const core::RegistrationStore store(*neighbour);
  return registrar_truth(config.control_socket("callmanager"), &store);
}

std::vector<core::Fetch> House::last_itls() {
  core::Database* neighbour = tftp_database_.open();
  return neighbour == nullptr ? std::vector<core::Fetch>{}
                              : core::FetchStore(*neighbour).last_itls();
}

std::unordered_map<std::string, core::CapfState> House::capf_states() {
  core::Database* neighbour = capf_database_.open();
  if (neighbour == nullptr) return {};
  return core::CapfInventory(*neighbour).between("", "\x7f");
}

std::vector<core::ResetRow> House::resets(std::int64_t id) {
  core::Database* neighbour = callmanager_database_.open();
  if (neighbour == nullptr) return {};
  return core::RegistrationStore(*neighbour).resets(id);
}

std::int64_t House::next_reset_number() {
  constexpr std::string_view kLast = "last_reset";
  core::Database::Transaction transaction(database);
  core::SettingStore settings(database);
  const std::int64_t next = std::stoll(settings.find(kLast).value_or("0")) - 1;
  settings.save(kLast, std::to_string(next));
  transaction.commit();
  return next;
}

void House::record_act(const std::string& who, const std::string& event,
                       const std::string& detail) {
  audit.append(clock.now(), who, event, detail);
}

std::string House::record_done(const std::string& who, const std::string& event,
                               const std::string& detail) noexcept {
  try {
    record_act(who, event, detail);
    return "";
  } catch (const std::exception& error) {
    log(Level::error, "AUDIT_NOT_WRITTEN",
        {{"event", event}, {"user", who}, {"detail", detail}, {"why", error.what()}});
    const std::lock_guard lock(owed_mutex_);
    if (owed_.size() < kMostOwed) owed_.push_back({clock.now(), who, event, detail});
    return "The audit log could not be written (" + std::string(error.what()) +
           "); the daemon's log has what it lacks.";
  }
}

void House::write_owed_audit() noexcept {
  const std::lock_guard lock(owed_mutex_);
  std::size_t written = 0;
  try {
    for (; written < owed_.size(); ++written) {
      const Owed& one = owed_[written];
      audit.append(one.at, one.who, one.event, one.detail);
    }
  } catch (const std::exception&) {  // it was logged when it was due
  }
  owed_.erase(owed_.begin(), owed_.begin() + static_cast<std::ptrdiff_t>(written));
}

}  // namespace ringfence::services::admin

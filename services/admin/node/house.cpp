#include "services/admin/node/house.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/net/rpc.h"
#include "core/plans/secret_move.h"
#include "core/storage/setting_store.h"
#include "services/admin/node/this_node.h"
#include "services/admin/trust/trust_ledger.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;

namespace {

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
      neighbours(config, clock),
      acts(audit, clock),
      trust_(std::make_unique<TrustLedger>(database, neighbours, clock)) {
  core::tidy_secrets(database, secrets);
  core::NodeStore(database).describe_this(this_node(config));
  // Whoever installed it may do everything.
  if (accounts.list().empty()) accounts.save({core::user_name(::getuid()), 4});
}

House::~House() = default;

std::int64_t House::next_reset_number() {
  constexpr std::string_view kLast = "last_reset";
  core::Database::Transaction transaction(database);
  core::SettingStore settings(database);
  const std::int64_t next = std::stoll(settings.find(kLast).value_or("0")) - 1;
  settings.save(kLast, std::to_string(next));
  transaction.commit();
  return next;
}

}  // namespace ringfence::services::admin

#include "services/admin/node/stopped_services.h"

#include <unistd.h>

#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "core/base/log.h"
#include "core/storage/setting_store.h"

namespace ringfence::services::admin {

namespace {

constexpr const char* kStoppedSetting = "services_stopped";  // "<run> <daemon> <daemon> …"

}  // namespace

std::string StoppedServices::this_run() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  return fmt::format("{}/{}", boot, ::getppid());
}

std::set<std::string> StoppedServices::daemons() const {
  std::istringstream words(core::SettingStore(database_).find(kStoppedSetting).value_or(""));
  std::string run;
  std::set<std::string> found;
  if (!(words >> run) || run != run_) return found;
  for (std::string daemon; words >> daemon;) found.insert(daemon);
  return found;
}

void StoppedServices::save(const std::set<std::string>& daemons) {
  core::SettingStore(database_).save(
      kStoppedSetting, daemons.empty() ? "" : fmt::format("{} {}", run_, fmt::join(daemons, " ")));
}

void StoppedServices::note_stop(const Service& service) {
  core::Database::Transaction transaction(database_);  // nobody writes between look and save
  std::set<std::string> all = daemons();
  if (!all.emplace(service.daemon).second) return;
  save(all);
  transaction.commit();
}

void StoppedServices::note_start(const Service& service) {
  core::Database::Transaction transaction(database_);
  std::set<std::string> all = daemons();
  if (all.erase(std::string(service.daemon)) == 0) return;
  save(all);
  transaction.commit();
}

bool StoppedServices::has(const Service& service) const {
  return daemons().contains(std::string(service.daemon));
}

void StoppedServices::forget() noexcept {
  try {
    if (!daemons().empty()) save({});
  } catch (const std::exception& error) {
    core::log(core::Level::error, "STOPPED_SERVICES_NOT_FORGOTTEN", {{"why", error.what()}});
  }
}

}  // namespace ringfence::services::admin

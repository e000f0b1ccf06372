// ringfence-admin: orchestration, jobs, audit, service control, trust lists.

#include <cstdio>
#include <filesystem>

#include "core/base/log.h"
#include "core/base/log_file.h"
#include "core/net/daemon.h"
#include "core/net/rpc.h"
#include "services/admin/node/child_processes.h"
#include "services/admin/node/hsm.h"
#include "services/admin/node/retention.h"
#include "services/admin/node/stopped_services.h"
#include "services/admin/node/ticker.h"
#include "services/admin/trust/trust_ledger.h"
#include "services/admin/wiring.h"

namespace {

using namespace ringfence;
using namespace ringfence::services::admin;
using namespace std::chrono_literals;

void run(const core::DaemonOptions& options) {
  House house(options.state);
  core::keep_log_within(house.config.log_file("admin"), house.config.log_bounds());
  const auto programs = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  ChildProcesses services(programs, house.config);
  start_signer(house.config, services);
  Wiring all(house, services);
  all.opening.begin();
  const core::RpcServer api(
      house.config.control_socket("admin"),
      [&](const core::Caller& caller, std::string_view method, const boost::json::object& params) {
        return all.methods.answer(caller, method, params);
      });
  const Ticker expiry(30s, [&] { all.monitor.run_if_due(); });
  const Ticker audit(1s, [&] { all.event_audit.copy(); });
  const core::Pruner pruner(house.config.admin_db(), pruning(house.config, house.jobs));
  const Ticker trust(1s, [&] { house.trust().follow_quietly(); });
  core::log(core::Level::notice, "ADMIN_READY", {{"state", options.state.string()}});
  std::puts("ready");  // appliance/run waits for this line
  std::fflush(stdout);
  core::wait_for_stop();
  all.opening.stop();
  all.jobs.stop();  // answers who waits for a job, so that the API can end at once
  StoppedServices(house.database).forget();
}

}  // namespace

int main(int argc, char** argv) {
  return core::daemon_main(argc, argv, "admin", run);
}

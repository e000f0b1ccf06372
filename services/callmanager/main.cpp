// ringfence-callmanager: phones register here, and are reset from here.
#include <set>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/log_file.h"
#include "core/config/config.h"
#include "core/net/daemon.h"
#include "core/net/rpc.h"
#include "core/phones/registration_store.h"
#include "core/phones/trust_sign_log.h"
#include "core/plans/job_store.h"
#include "core/storage/pruner.h"
#include "services/callmanager/control.h"

namespace {

using namespace ringfence;
using namespace ringfence::services;

void serve(const core::DaemonOptions& options) {
  const core::Config config = core::Config::load(options.state);
  core::keep_log_within(config.log_file("callmanager"), config.log_bounds());
  const auto lock = core::lock_file(config.state() / "run" / "callmanager.lock");
  if (!lock)
    throw core::Error(core::Code::conflict,
                      "another ringfence-callmanager runs on " + config.state().string());
  const core::SystemClock clock;
  callmanager::Ledger ledger(config.callmanager_db());
  core::TrustSignLog signs(ledger.database(), ledger.group());
  callmanager::Directory directory(config.admin_db());
  const core::SipSettings& sip = config.sip();
  callmanager::Server server(
      {config.listen(), config.ports().sip, config.advertise(), {sip.lifetime, sip.grace}},
      directory, ledger, signs, clock);
  callmanager::Control control(server, directory);
  const core::RpcServer rpc(
      config.control_socket("callmanager"),
      [&control](const core::Caller&, std::string_view method, const boost::json::object& params) {
        return control.answer(method, params);
      });
  // The resets of a job that has not ended say which phones it still waits for.
  const auto prune = [&](core::Database& admin, core::Time before, std::size_t most) {
    std::set<std::int64_t> running;
    for (const core::Job& job : core::JobStore(admin).unfinished()) running.insert(job.id);
    return core::RegistrationStore(ledger.database()).prune_resets(before, running, most);
  };
  const core::Pruner pruner(config.admin_db(), {{core::Kept::resets, prune}});
  ledger.started(clock.now());
  core::log(core::Level::notice, "STARTED", {{"sip", std::to_string(config.ports().sip)}});
  server.run(core::stop_descriptor());
  ledger.stopped(clock.now());
  core::log(core::Level::notice, "STOPPED");
}

}  // namespace

int main(int argc, char** argv) {
  return core::daemon_main(argc, argv, "ringfence-callmanager", serve);
}

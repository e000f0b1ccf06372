// ringfence-capf: phones enrol here for their LSCs.
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include <boost/json.hpp>

#include "core/base/log.h"
#include "core/base/log_file.h"
#include "core/config/config.h"
#include "core/crypto/token.h"
#include "core/net/daemon.h"
#include "core/net/rpc.h"
#include "core/net/run.h"
#include "core/storage/pruner.h"
#include "core/storage/setting_store.h"
#include "services/capf/authority.h"
#include "services/capf/offline.h"
#include "services/capf/server.h"
#include "services/capf/stored_records.h"

namespace ringfence::services::capf {
namespace {

constexpr unsigned kIoThreads = 2;
/// The pool's threads wait for the disk more than they compute: as many share one fsync, and who
/// only reads must not wait behind them.
constexpr std::size_t kPoolThreads = 32;
constexpr std::size_t kSigningThreads = 64;
/// A whole site may come at once, after a power cut: its handshakes wait, and none is refused.
constexpr std::size_t kWaiting = 8192;

/// warn_of_few_files says so when phones would be refused for want of descriptors.
void warn_of_few_files(const Bounds& bounds) {
  constexpr std::size_t kOthers = 200;  // databases, the signer, the control socket
  if (core::file_limit() >= bounds.connections.connections + kOthers) return;
  core::log(core::Level::warning, "CAPF_FEW_FILES",
            {{"may_open", std::to_string(core::file_limit())},
             {"phones", std::to_string(bounds.connections.connections)},
             {"remedy", "LimitNOFILE=65536 in the unit, or ulimit -n 65536 before appliance/run"}});
}

boost::json::object described(const Latency& latency) {
  const auto milliseconds = [&latency](double part) {
    return static_cast<double>(latency.quantile(part).count()) / 1000;
  };
  return {{"count", latency.count()},
          {"p50_ms", milliseconds(0.5)},
          {"p99_ms", milliseconds(0.99)},
          {"max_ms", milliseconds(1)}};
}

/// keep_flushing writes down counted security events, whose phones may not come again.
void keep_flushing(StoredRecords& records, const core::Clock& clock, const std::stop_token& stop) {
  constexpr std::chrono::seconds kPeriod(15);
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    records.flush_security(clock.now());
    stopped.wait_for(lock, stop, kPeriod, [] { return false; });
  }
}

/// pruning is what of capf.db need not be kept for ever.
std::vector<core::Pruner::Rule> pruning(StoredRecords& records) {
  return {{core::Kept::outcomes,
           [&](core::Database&, core::Time before, std::size_t most) {
             return records.prune_outcomes(before, most);
           }},
          {core::Kept::security_events,
           [&](core::Database& admin, core::Time before, std::size_t most) {
             const auto audited =
                 core::SettingStore(admin).find(core::SecurityEventStore::kAudited);
             return records.prune_security(before, std::stoll(audited.value_or("0")), most);
           }}};
}

void run(const core::DaemonOptions& options) {
  const core::Config config = core::Config::load(options.state);
  core::keep_log_within(config.log_file("capf"), config.log_bounds());
  const core::SystemClock clock;
  core::Database admin_db(config.admin_db(), core::Schema::admin, core::Access::read_only);
  core::Database secrets_db(config.secrets_db(), core::Schema::secrets, core::Access::read_only);
  core::Database capf_db(config.capf_db(), core::Schema::capf, core::Access::read_write);
  const core::Token token(config.signer_socket("capf"));

  StoredRecords records(admin_db, secrets_db, capf_db, config.log_folder() / "capf",
                        {config.callmanager_db(), config.tftp_db()});
  records.note_keys();
  Authority authority(token, admin_db);
  core::asio::io_context io;
  core::asio::thread_pool pool(kPoolThreads);
  core::SigningPool signing({kSigningThreads, kWaiting});
  const auto address = core::asio::ip::make_address(config.listen());
  Doors doors{{address, config.ports().capf}, {}};
  if (const auto port = config.ports().capf_legacy) doors.legacy.emplace(address, *port);
  const Bounds bounds;
  warn_of_few_files(bounds);
  Server server(io, doors, {authority, records, clock, pool, signing}, bounds);

  Offline offline(authority, admin_db, capf_db, clock);
  const core::Time started = clock.now();
  const auto control = [&](const core::Caller&, std::string_view method,
                           const boost::json::object& params) -> boost::json::value {
    if (method == "status") {
      return {{"name", "capf"},
              {"uptime", (clock.now() - started).count()},
              {"sessions", server.sessions()},
              {"waiting_for_signer", signing.waiting()},
              {"turned_away", server.turned_away()},
              {"handshakes", described(server.handshakes())},
              {"answers", described(server.answers())},
              {"issued", records.issued_count()},
              {"failed", records.failed_count()}};
    }
    if (method == "reload") {
      authority.current();
      return boost::json::object{};
    }
    if (auto answered = offline.answer(method, params)) return std::move(*answered);
    throw core::Error(core::Code::not_found,
                      "there is no method '" + std::string(method) + "' of capf");
  };
  const core::RpcServer rpc(config.control_socket("capf"), control);

  const core::Pruner pruner(config.admin_db(), pruning(records));
  const std::jthread security(
      [&](const std::stop_token& stop) { keep_flushing(records, clock, stop); });
  core::run_until_stopped(io, kIoThreads, [&] {
    server.close();
    signing.close();
    token.close();
  });
  pool.join();
}

}  // namespace
}  // namespace ringfence::services::capf

int main(int argc, char** argv) {
  return ringfence::core::daemon_main(argc, argv, "ringfence-capf", ringfence::services::capf::run);
}

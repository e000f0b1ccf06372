// ringfence-capf: phones enrol here for their LSCs.
#include <boost/json.hpp>

#include "core/config/config.h"
#include "core/crypto/token.h"
#include "core/net/daemon.h"
#include "core/net/rpc.h"
#include "core/net/run.h"
#include "services/capf/authority.h"
#include "services/capf/server.h"
#include "services/capf/stored_records.h"

namespace ringfence::services::capf {
namespace {

constexpr unsigned kIoThreads = 2;
/// The pool's threads wait for the disk more than they compute.
constexpr std::size_t kPoolThreads = 8;

void run(const core::DaemonOptions& options) {
  const core::Config config = core::Config::load(options.state);
  const core::SystemClock clock;
  core::Database admin_db(config.admin_db(), core::Schema::admin, core::Access::read_only);
  core::Database capf_db(config.capf_db(), core::Schema::capf, core::Access::read_write);
  const core::Token token(config.signer_socket("capf"));

  StoredRecords records(admin_db, capf_db, config.log_folder() / "capf");
  Authority authority(token, admin_db);
  core::asio::io_context io;
  core::asio::thread_pool pool(kPoolThreads);
  core::SigningPool signing;
  const core::tcp::endpoint endpoint(core::asio::ip::make_address(config.listen()),
                                     config.ports().capf);
  Server server(io, endpoint, {authority, records, clock, pool, signing});

  const core::Time started = clock.now();
  const auto control = [&](const core::Caller&, std::string_view method,
                           const boost::json::object&) -> boost::json::value {
    if (method == "status") {
      return {{"name", "capf"},
              {"uptime", (clock.now() - started).count()},
              {"sessions", server.sessions()},
              {"waiting_for_signer", signing.waiting()},
              {"issued", records.issued_count()},
              {"failed", records.failed_count()}};
    }
    if (method == "reload") {
      authority.current();
      return boost::json::object{};
    }
    throw core::Error(core::Code::not_found, "the methods of capf are status and reload");
  };
  const core::RpcServer rpc(config.control_socket("capf"), control);

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

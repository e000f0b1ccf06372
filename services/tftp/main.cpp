// ringfence-tftp: the files that phones fetch, over TFTP, HTTP and HTTPS.
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/log_file.h"
#include "core/config/config.h"
#include "core/crypto/digest.h"
#include "core/net/daemon.h"
#include "core/net/rpc.h"
#include "core/net/run.h"
#include "core/storage/pruner.h"
#include "services/tftp/files.h"
#include "services/tftp/http.h"
#include "services/tftp/server.h"

namespace ringfence::services::tftp {
namespace {

constexpr unsigned kThreads = 4;

core::ConfigNode node_of(const core::Config& config) {
  core::ConfigNode node;
  node.address = config.advertise();
  node.sip = config.ports().sip;
  node.sips = config.ports().sips;
  node.tvs = config.ports().tvs;
  node.capf = config.ports().capf;
  node.capf_legacy = config.ports().capf_legacy;
  node.transport = config.sip().transport;
  return node;
}

/// facts_of says which trust list phones get, for who finds a bad one on disk.
boost::json::object facts_of(const std::shared_ptr<const Content>& served) {
  if (!served) return {{"length", 0}};
  return {{"length", served->bytes.size()},
          {"md5", core::to_hex(core::digest(core::Digest::md5, served->bytes))},
          {"sha1", served->sha1},
          {"since", core::to_iso(served->since)}};
}

void run(const core::DaemonOptions& options) {
  const core::Config config = core::Config::load(options.state);
  core::keep_log_within(config.log_file("tftp"), config.log_bounds());
  const core::SystemClock clock;
  const core::Time started = clock.now();
  core::Database admin(config.admin_db(), core::Schema::admin, core::Access::read_only);
  core::Database journal(config.tftp_db(), core::Schema::tftp, core::Access::read_write);
  const core::Token token(config.signer_socket("tftp"));
  FileSource files(admin, token, clock, {config.tftp_folder(), config.capf_db()}, node_of(config));
  Identity identity(admin, token, clock, Clients::unasked);
  Identity asking(admin, token, clock, Clients::asked);
  FetchLog fetches(journal, admin);

  core::asio::io_context io;
  core::asio::thread_pool pool(4);
  core::SigningPool handshakes;
  core::SigningPool signing({.threads = 16});
  const Pools pools{pool, handshakes, signing};
  const auto address = core::asio::ip::make_address(config.listen());
  const core::Ports ports = config.ports();
  Server server(io, pools, files, fetches, clock, {address, ports.tftp});
  HttpServer http(io, pools, files, fetches, clock, nullptr, {address, ports.http});
  HttpServer https(io, pools, files, fetches, clock, &identity, {address, ports.https});
  HttpServer mutual(io, pools, files, fetches, clock, &asking, {address, ports.https_mutual});

  const auto control = [&](const core::Caller&, std::string_view method,
                           const boost::json::object&) -> boost::json::value {
    boost::json::object answer;
    if (method == "reload") {
      files.reload();
      return answer;
    }
    if (method == "lists") {
      answer["ITL"] = facts_of(files.served(core::ListKind::itl));
      answer["CTL"] = facts_of(files.served(core::ListKind::ctl));
      return answer;
    }
    if (method != "status") {
      throw core::Error(core::Code::not_found, "tftp answers status, reload and lists only");
    }
    answer["name"] = "tftp";
    answer["uptime"] = (clock.now() - started).count();
    answer["port"] = ports.tftp;
    answer["waiting_for_signer"] = handshakes.waiting() + signing.waiting();
    answer["counters"] = boost::json::object{{"tftp", server.counters()},
                                             {"http", http.counters()},
                                             {"https", https.counters()},
                                             {"https_mutual", mutual.counters()}};
    return answer;
  };
  const core::Pruner pruner(
      config.admin_db(),
      {{core::Kept::fetches, [&](core::Database&, core::Time before, std::size_t most) {
          return core::FetchStore(journal).prune(before, most);
        }}});
  const core::RpcServer rpc(config.control_socket("tftp"), control);
  core::log(core::Level::notice, "TFTP_STARTED", {{"port", std::to_string(ports.tftp)}});
  core::run_until_stopped(io, kThreads, [&] {
    server.close();
    for (HttpServer* each : {&http, &https, &mutual}) each->close();
    handshakes.close();
    signing.close();
    token.close();
  });
  pool.join();
  core::log(core::Level::notice, "TFTP_STOPPED");
}

}  // namespace
}  // namespace ringfence::services::tftp

int main(int argc, char** argv) {
  return ringfence::core::daemon_main(argc, argv, "ringfence-tftp", ringfence::services::tftp::run);
}

// ringfence-tvs: answers phones that meet a certificate they do not know.
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/log_file.h"
#include "core/config/config.h"
#include "core/net/daemon.h"
#include "core/net/rpc.h"
#include "core/net/run.h"
#include "services/tvs/server.h"

namespace ringfence::services::tvs {
namespace {

constexpr unsigned kThreads = 4;

boost::json::value control(std::string_view method, const Server& server, Book& book,
                           const core::SigningPool& signing, core::Time started) {
  if (method == "reload") {
    book.reload();
    book.tls();
    return boost::json::object();
  }
  if (method != "status") {
    throw core::Error(core::Code::not_found, "tvs answers status and reload only");
  }
  boost::json::object status;
  status["name"] = "tvs";
  status["uptime"] = (core::SystemClock().now() - started).count();
  status["port"] = server.endpoint().port();
  status["waiting_for_signer"] = signing.waiting();
  status["counters"] = server.counters();
  return status;
}

void run(const core::DaemonOptions& options) {
  const core::Config config = core::Config::load(options.state);
  core::keep_log_within(config.log_file("tvs"), config.log_bounds());
  const core::Time started = core::SystemClock().now();
  core::Database admin(config.admin_db(), core::Schema::admin, core::Access::read_only);
  core::Database own(config.tvs_db(), core::Schema::tvs, core::Access::read_write);
  const core::PhoneStore phones(admin);
  const core::Token token(config.signer_socket("tvs"));
  Book book(admin, token);
  core::WriteGroup writes(own);
  core::TrustSignLog signs(own, writes);

  core::asio::io_context io;
  core::asio::thread_pool pool(2);
  core::SigningPool signing;
  const core::tcp::endpoint endpoint(core::asio::ip::make_address(config.listen()),
                                     config.ports().tvs);
  Server server(io, {pool, signing, book, phones, signs}, endpoint);
  const core::RpcServer rpc(
      config.control_socket("tvs"),
      [&](const core::Caller&, std::string_view method, const boost::json::object&) {
        return control(method, server, book, signing, started);
      });
  core::log(core::Level::notice, "TVS_STARTED", {{"port", std::to_string(config.ports().tvs)}});
  core::run_until_stopped(io, kThreads, [&] {
    server.close();
    signing.close();
    token.close();
  });
  pool.join();
  core::log(core::Level::notice, "TVS_STOPPED");
}

}  // namespace
}  // namespace ringfence::services::tvs

int main(int argc, char** argv) {
  return ringfence::core::daemon_main(argc, argv, "ringfence-tvs", ringfence::services::tvs::run);
}

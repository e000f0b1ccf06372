// A CAPF server on a real token, real databases and a real port.
#include "tests/integration/capf/house.h"

#include <sys/wait.h>

#include <cstdio>

#include "core/base/file.h"
#include "core/crypto/x509.h"

namespace ringfence::test {
namespace {

std::filesystem::path database(const TemporaryFolder& folder, const std::string& name) {
  std::filesystem::create_directories(folder / "db");
  return folder / "db" / name;
}

}  // namespace

House::House()
    : signer(std::make_unique<SignerProcess>(folder.path())),
      admin_token(signer->socket("admin")),
      capf_token(signer->socket("capf")),
      admin_db(database(folder, "admin.db"), core::Schema::admin, core::Access::read_write),
      secrets_db(database(folder, "secrets.db"), core::Schema::secrets, core::Access::read_write),
      capf_db(database(folder, "capf.db"), core::Schema::capf, core::Access::read_write) {
  regenerate();
}

void House::regenerate() {
  core::OwnCertificate own;
  own.unit = core::Unit::capf;
  own.key = admin_token.generate("CAPF", core::key_spec_of(core::Unit::capf));
  own.created = clock.now();
  core::Node node;
  node.host = "house";
  node.organization = {"Voice", "Example", "Berlin", "", "DE"};
  const core::EvpPkey key = admin_token.key(own.key);
  const core::X509Cert certificate =
      core::issue_self_signed(core::Unit::capf, node, *key, admin_token.context(), clock.now());
  own.der = core::to_der(*certificate);
  certificates.replace(own, {});
}

void House::save(const core::Phone& phone) {
  phones.save({phone}, core::PhoneStore::Ask::again);
}

std::string House::status(const std::string& phone) {
  const core::Phone record = *phones.find(phone);
  const auto outcome = journal.outcome(phone, record.capf.request);
  return core::describe(record.capf.operation, core::status_of(record, outcome, clock.now()));
}

bool House::verified(const core::Bytes& lsc) {
  const auto ca = folder / "ca.pem";
  const auto leaf = folder / "lsc.pem";
  const core::Bytes own = certificates.own(core::Unit::capf)->der;
  core::write_atomically(ca, core::bytes_of(core::to_pem(*core::parse_certificate(own))));
  core::write_atomically(leaf, core::bytes_of(core::to_pem(*core::parse_certificate(lsc))));
  std::string output;
  const int status =
      run("openssl verify -x509_strict -CAfile " + ca.string() + " " + leaf.string(), output);
  return status == 0 && output.find(": OK") != std::string::npos;
}

RunningServer::RunningServer(House& house, services::capf::Bounds bounds,
                             services::capf::Patience patience)
    : admin_db_(house.admin_db.path(), core::Schema::admin, core::Access::read_only),
      secrets_db_(house.secrets_db.path(), core::Schema::secrets, core::Access::read_only),
      records_(admin_db_, secrets_db_, house.capf_db, house.folder / "trace",
               {house.folder / "callmanager.db", house.folder / "tftp.db"}),
      authority_(house.capf_token, admin_db_) {
  const core::tcp::endpoint anywhere(core::asio::ip::address_v4::loopback(), 0);
  const services::capf::Server::Parts parts{authority_, records_, house.clock, pool_, signing_};
  const services::capf::Doors doors{anywhere, anywhere};
  server_ = std::make_unique<services::capf::Server>(io_, doors, parts, bounds, patience);
  for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { io_.run(); });
}

RunningServer::~RunningServer() {
  server_->close();
  for (std::thread& thread : threads_) thread.join();
  pool_.join();
}

int run(const std::string& command, std::string& output) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen failed");
  char buffer[4096];
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe))
    output.append(buffer, count);
  const int status = ::pclose(pipe);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace ringfence::test

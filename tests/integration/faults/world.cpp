// A signer, an admin.db and the program ringfence-capf.
#include "tests/integration/faults/world.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/certificates/certificate_store.h"
#include "core/certificates/issue.h"
#include "core/crypto/x509.h"
#include "core/net/rpc.h"
#include "tests/integration/capf/program.h"
#include "tests/support/eventually.h"

namespace ringfence::test {
namespace {

constexpr std::uint16_t kCapfPort = 3804;

std::filesystem::path made(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace

CapfProcess::CapfProcess(const std::filesystem::path& state, const std::filesystem::path& log,
                         const std::vector<std::string>& environment)
    : socket_(state / "run" / "capf.sock") {
  std::filesystem::remove(socket_);  // of one that was killed: nobody answers there
  const std::string program = std::string(RINGFENCE_BIN_DIR) + "/ringfence-capf";
  const std::string folder = state.string();
  const std::string log_name = log.string();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fd = ::open(log_name.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(fd, STDERR_FILENO);
    for (const std::string& entry : environment) {
      const std::size_t sign = entry.find('=');
      ::setenv(entry.substr(0, sign).c_str(), entry.substr(sign + 1).c_str(), 1);
    }
    ::execl(program.c_str(), program.c_str(), "--state", folder.c_str(), nullptr);
    ::_exit(127);
  }
}

CapfProcess::~CapfProcess() {
  if (pid_ > 0) stop();
}

bool CapfProcess::wait_ready() const {
  bool ready = false;
  eventually([&] {
    try {
      core::rpc_call(socket_, "status", {});
      ready = true;
    } catch (const core::Error&) {
    }
    return ready || ended();
  });
  return ready;
}

bool CapfProcess::ended() const {
  siginfo_t state{};
  return pid_ == 0 ||
         (::waitid(P_PID, static_cast<id_t>(pid_), &state, WEXITED | WNOHANG | WNOWAIT) == 0 &&
          state.si_pid != 0);
}

int CapfProcess::stop() {
  ::kill(pid_, SIGTERM);
  return wait();
}

int CapfProcess::wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

World::World()
    : signer_(folder_.path()),
      token_(signer_.socket("admin")),
      admin_db_(made(folder_ / "db") / "admin.db", core::Schema::admin, core::Access::read_write),
      secrets_db_(folder_ / "db" / "secrets.db", core::Schema::secrets, core::Access::read_write),
      port_(free_port(kCapfPort + 1000)) {
  const core::SystemClock clock;
  core::OwnCertificate own;
  own.unit = core::Unit::capf;
  own.key = token_.generate("CAPF", core::key_spec_of(core::Unit::capf));
  own.created = clock.now();
  core::Node node;
  node.host = "world";
  node.organization = {"Voice", "Example", "Berlin", "", "DE"};
  const core::EvpPkey key = token_.key(own.key);
  const core::X509Cert certificate =
      core::issue_self_signed(core::Unit::capf, node, *key, token_.context(), clock.now());
  own.der = core::to_der(*certificate);
  core::CertificateStore(admin_db_).replace(own, {});
  core::write_atomically(
      folder_ / "ringfence.toml",
      core::bytes_of(fmt::format("[network]\nport_offset = {}\n", port_ - kCapfPort)));
}

std::unique_ptr<SturdyPhone> World::add() {
  const core::SystemClock clock;
  core::Phone record;
  record.name = fmt::format("SEP{:012X}", ++count_);
  record.model = "CP-8861";
  record.capf.operation = core::Operation::install;
  record.capf.key_order = core::KeyOrder::ec_only;
  record.capf.ec_bits = 256;
  record.capf.completes_by = clock.now() + std::chrono::hours(24);
  phones_.save({record}, core::PhoneStore::Ask::again);
  return std::make_unique<SturdyPhone>(record.name);
}

void World::ask_to_delete(const SturdyPhone& phone) {
  core::Phone record = *phones_.find(phone.name());
  record.capf.operation = core::Operation::remove;
  phones_.save({record}, core::PhoneStore::Ask::again);
}

std::vector<std::string> World::preloaded(const std::string& variable, const std::string& value) {
  const char* options = std::getenv("ASAN_OPTIONS");  // it wants to be loaded before all others
  return {std::string("LD_PRELOAD=") + RINGFENCE_STOP_LIBRARY, variable + "=" + value,
          fmt::format("ASAN_OPTIONS={}:verify_asan_link_order=0", options ? options : "")};
}

std::string World::log() const {
  std::ifstream file(log_file());
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace ringfence::test

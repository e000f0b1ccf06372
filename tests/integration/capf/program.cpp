#include "tests/integration/capf/program.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/net/rpc.h"

namespace ringfence::test {

using namespace std::chrono_literals;

std::uint16_t free_port(std::uint16_t above) {
  while (true) {
    const core::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket.get(), any, size) != 0) throw std::runtime_error("bind failed");
    if (::getsockname(socket.get(), any, &size) != 0) throw std::runtime_error("no port");
    if (ntohs(address.sin_port) > above) return ntohs(address.sin_port);
  }
}

Program::Program(const std::filesystem::path& state) : state_(state) {
  const std::string path = std::string(RINGFENCE_BIN_DIR) + "/ringfence-capf";
  const std::string folder = state.string();
  const std::string log = (state / "capf.log").string();
  pid_ = ::fork();
  if (pid_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // a test that crashes leaves none behind
  const int errors = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(errors, STDERR_FILENO);
  ::execl(path.c_str(), path.c_str(), "--state", folder.c_str(), nullptr);
  ::_exit(127);
}

Program::~Program() {
  if (pid_ > 0) stop();
}

boost::json::object Program::status() const {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (true) {
    try {
      return core::rpc_call(state_ / "run" / "capf.sock", "status", {}).as_object();
    } catch (const core::Error&) {
      if (ended() || std::chrono::steady_clock::now() > deadline) throw;
      std::this_thread::yield();
    }
  }
}

std::size_t Program::resident_bytes() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  if (!file) throw std::runtime_error("the program is gone");
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

int Program::stop() {
  return end(SIGTERM);
}

int Program::kill() {
  return end(SIGKILL);
}

int Program::end(int signal) {
  ::kill(pid_, signal);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool Program::ended() const {
  siginfo_t state{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &state, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         state.si_pid != 0;
}

}  // namespace ringfence::test

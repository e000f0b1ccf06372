#include "tests/bench/tftp_servers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "core/base/file.h"
#include "tests/bench/processor.h"

namespace ringfence::bench {
namespace {

constexpr std::uint16_t kTftpPort = 69;

std::string text_of(const in_addr& address) {
  std::string text(INET_ADDRSTRLEN, '\0');
  ::inet_ntop(AF_INET, &address, text.data(), INET_ADDRSTRLEN);
  text.resize(text.find('\0'));
  return text;
}

}  // namespace

ServerProcess::ServerProcess(const std::vector<std::string>& words, const sockaddr_in& endpoint,
                             const std::filesystem::path& log)
    : endpoint_(endpoint) {
  const core::Fd out(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  ::dup2(out.get(), STDOUT_FILENO);
  ::dup2(out.get(), STDERR_FILENO);
  ::execvp(arguments.front(), arguments.data());
  ::_exit(127);
}

ServerProcess::~ServerProcess() {
  ::kill(pid_, SIGTERM);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
}

std::chrono::duration<double> used(pid_t pid) {
  const std::chrono::duration<double> own = processor_time(pid);
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 16; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;  // cutime, cstime
  const double ticks = user + system;
  return own + std::chrono::duration<double>(ticks / static_cast<double>(::sysconf(_SC_CLK_TCK)));
}

sockaddr_in on_loopback(std::uint16_t port) {
  sockaddr_in endpoint{};
  endpoint.sin_family = AF_INET;
  endpoint.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  endpoint.sin_port = htons(port);
  return endpoint;
}

std::uint16_t free_port() {
  const core::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in endpoint = on_loopback(0);
  socklen_t size = sizeof endpoint;
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&endpoint), size) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&endpoint), &size) != 0)
    throw std::runtime_error("no free UDP port");
  return ntohs(endpoint.sin_port);
}

std::string missing(const std::string& program, const std::string& package) {
  if (::geteuid() != 0) return program + " needs root here: port 69, and a root folder of its own";
  if (::access(("/usr/sbin/" + program).c_str(), X_OK) != 0)
    return program + " is not here: apt-get install " + package;
  return "";
}

std::vector<std::string> dnsmasq(const std::filesystem::path& folder, const sockaddr_in& endpoint) {
  return {"/usr/sbin/dnsmasq",  "--keep-in-foreground",
          "--conf-file",        "--port=0",
          "--enable-tftp",      "--tftp-root=" + folder.string(),
          "--tftp-max=1000",    "--bind-interfaces",
          "--except-interface", "none",
          "--user=root",        "--listen-address=" + text_of(endpoint.sin_addr),
          "--pid-file",         "--log-facility=-"};
}

std::vector<std::string> tftpd_hpa(const std::filesystem::path& folder,
                                   const sockaddr_in& endpoint) {
  const std::string port = std::to_string(ntohs(endpoint.sin_port));
  return {
      "/usr/sbin/in.tftpd", "-L", "-u", "root", "-a", text_of(endpoint.sin_addr) + ":" + port, "-s",
      folder.string()};
}

sockaddr_in an_address_for_dnsmasq() {
  const auto number = static_cast<std::uint32_t>(::getpid());
  sockaddr_in endpoint = on_loopback(kTftpPort);
  endpoint.sin_addr.s_addr = htonl(0x7f4d0001U | (number & 0xffffU) << 1U);
  return endpoint;
}

}  // namespace ringfence::bench

#include "tests/support/instance.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>

namespace ringfence::test {
namespace {

bool is_free(int type, std::uint16_t port) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  const int yes = 1;
  if (type == SOCK_STREAM) ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return free;
}

std::vector<std::string> split(const std::string& words) {
  std::istringstream stream(words);
  std::vector<std::string> parts;
  for (std::string word; stream >> word;) parts.push_back(word);
  return parts;
}

const std::string kSource = RINGFENCE_SOURCE_DIR;

std::vector<std::string> environment() {
  return {std::string("RINGFENCE_PROGRAMS=") + RINGFENCE_BIN_DIR};
}

/// command_line is empty for a process that has ended; reading one that ends right now fails with
/// ESRCH, which an iterator over the buffer would throw.
std::string command_line(const std::filesystem::path& folder) {
  std::ifstream file(folder / "cmdline");
  std::ostringstream line;
  line << file.rdbuf();
  return line.str();
}

}  // namespace

std::uint16_t free_port_offset() {
  // Below the kernel's ephemeral ports (32768 and up), from which other tests' sockets come.
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> offsets(11000, 24000);
  constexpr std::array<int, 7> kTcp = {6970, 6971, 6972, 3804, 2445, 5060, 5061};
  constexpr std::array<int, 2> kUdp = {69, 5060};
  for (int attempt = 0; attempt < 200; ++attempt) {
    const int offset = offsets(random);
    bool free = true;
    for (const int port : kTcp)
      free = free && is_free(SOCK_STREAM, static_cast<std::uint16_t>(port + offset));
    for (const int port : kUdp)
      free = free && is_free(SOCK_DGRAM, static_cast<std::uint16_t>(port + offset));
    if (free) return static_cast<std::uint16_t>(offset);
  }
  throw std::runtime_error("no free port offset found");
}

Instance::Instance() : port_offset_(free_port_offset()) {}

Instance::~Instance() {
  stop();
}

Result Instance::run_appliance(const std::vector<std::string>& words, const std::string& input) {
  std::vector<std::string> all = {kSource + "/appliance/run", "--state", state().string()};
  all.insert(all.end(), words.begin(), words.end());
  return run(all, input, environment());
}

Result Instance::start() {
  return run_appliance({"--port-offset", std::to_string(port_offset_), "--detach"});
}

Result Instance::stop() {
  return run_appliance({"--stop"});
}

Result Instance::sh(const std::string& words, const std::string& input) {
  std::vector<std::string> all = {kSource + "/appliance/sh", "--state", state().string()};
  const std::vector<std::string> parts = split(words);
  all.insert(all.end(), parts.begin(), parts.end());
  return run(all, input, environment());
}

boost::json::object Instance::json(const std::string& words) {
  const Result result = sh("--yes --json " + words);
  if (result.status != 0)
    throw std::runtime_error("'" + words + "' failed: " + result.out + result.err);
  return boost::json::parse(result.out).as_object();
}

std::vector<int> Instance::processes(const std::string& daemon) const {
  std::vector<int> found;
  for (const auto& folder : std::filesystem::directory_iterator("/proc")) {
    const std::string name = folder.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string line = command_line(folder.path());
    const std::string options = std::string("\0--state\0", 9) + state().string() + '\0';
    if (!line.ends_with(options)) continue;  // a process that has ended has an empty line
    const std::string program =
        std::filesystem::path(line.substr(0, line.size() - options.size())).filename();
    if (daemon.empty() ? program.starts_with("ringfence-") : program == "ringfence-" + daemon)
      found.push_back(std::stoi(name));
  }
  return found;
}

}  // namespace ringfence::test

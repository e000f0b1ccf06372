#include "tests/integration/callmanager/instance.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

#include "core/net/rpc.h"
#include "core/phones/phone_store.h"

namespace ringfence::test {

namespace {

// A port that is free for UDP and TCP, and leaves room for the other services' ports.
std::uint16_t free_port() {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const core::Fd udp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const core::Fd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    if (::bind(tcp.get(), generic, size) != 0) continue;
    if (::getsockname(tcp.get(), generic, &size) != 0) continue;
    const std::uint16_t port = ntohs(address.sin_port);
    if (port >= 5060 && port < 58'000 && ::bind(udp.get(), generic, size) == 0) return port;
  }
  throw std::runtime_error("no free port");
}

struct Child {
  pid_t process = -1;
  core::Fd standard_error;
};

Child launch(const std::filesystem::path& state) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  const std::string program = RINGFENCE_BIN_DIR "/ringfence-callmanager";
  const std::string folder = state.string();
  const pid_t process = ::fork();
  if (process == 0) {
    ::dup2(pipe[1], STDERR_FILENO);
    ::execl(program.c_str(), program.c_str(), "--state", folder.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(pipe[1]);
  return {process, core::Fd(pipe[0])};
}

int wait_for(pid_t process) {
  int status = 0;
  if (::waitpid(process, &status, 0) != process) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The store cannot call us: look again each few milliseconds until it says what is awaited.
template <typename Read, typename Enough>
auto eventually(const Read& read, const Enough& enough) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (;;) {
    auto value = read();
    if (enough(value) || std::chrono::steady_clock::now() > end) return value;
    ::poll(nullptr, 0, 5);
  }
}

}  // namespace

Instance::Instance(const std::vector<std::string>& devices) : port_(free_port()) {
  for (const char* name : {"db", "run", "log"}) std::filesystem::create_directory(folder_ / name);
  core::write_atomically(
      folder_ / "ringfence.toml",
      core::bytes_of(fmt::format("[network]\nport_offset = {}\n", port_ - 5060)));
  add(devices);
}

Instance::~Instance() {
  if (process_ > 0) stop();
}

void Instance::start() {
  Child child = launch(folder_.path());
  process_ = child.process;
  log_.clear();
  log_ended_ = false;
  reader_ =
      std::thread([this, descriptor = child.standard_error.release()] { read_log(descriptor); });
  std::unique_lock lock(mutex_);
  said_.wait_for(lock, std::chrono::seconds(30),
                 [this] { return log_ended_ || log_.find("STARTED") != std::string::npos; });
  if (log_.find("STARTED") == std::string::npos)
    throw std::runtime_error("ringfence-callmanager did not start: " + log_);
}

void Instance::read_log(int descriptor) {
  const core::Fd owned(descriptor);
  std::array<char, 4096> bytes{};
  for (;;) {
    const ssize_t got = ::read(descriptor, bytes.data(), bytes.size());
    const std::lock_guard lock(mutex_);
    if (got <= 0)
      log_ended_ = true;
    else
      log_.append(bytes.data(), static_cast<std::size_t>(got));
    said_.notify_all();
    if (log_ended_) return;
  }
}

int Instance::stop() {
  ::kill(process_, SIGTERM);
  const int status = wait_for(std::exchange(process_, -1));
  reader_.join();
  return status;
}

void Instance::pause() {
  ::kill(process_, SIGSTOP);
  int status = 0;
  ::waitpid(process_, &status, WUNTRACED);
}

void Instance::resume() {
  ::kill(process_, SIGCONT);
}

bool Instance::alive() const {
  return process_ > 0 && ::waitpid(process_, nullptr, WNOHANG) == 0;
}

int Instance::times_logged(const std::string& word) {
  std::unique_lock lock(mutex_);
  said_.wait_for(lock, std::chrono::seconds(5),
                 [&] { return log_ended_ || log_.find(word) != std::string::npos; });
  int times = 0;
  for (std::size_t at = 0; (at = log_.find(word, at)) != std::string::npos; at += word.size())
    ++times;
  return times;
}

std::size_t Instance::memory() const {
  std::ifstream status("/proc/" + std::to_string(process_) + "/status");
  for (std::string word; status >> word;) {
    std::size_t kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib * 1024;
  }
  throw std::runtime_error("the daemon has no VmRSS");
}

std::string Instance::log() {
  const std::lock_guard lock(mutex_);
  return log_;
}

void Instance::limit_descriptors(unsigned most) {
  const rlimit limit{most, most};
  if (::prlimit(process_, RLIMIT_NOFILE, &limit, nullptr) != 0)
    throw std::runtime_error("prlimit failed");
}

int Instance::run_again(std::string& standard_error) {
  const Child child = launch(folder_.path());
  std::array<char, 4096> bytes{};
  ssize_t got = 0;
  while ((got = ::read(child.standard_error.get(), bytes.data(), bytes.size())) > 0)
    standard_error.append(bytes.data(), static_cast<std::size_t>(got));
  return wait_for(child.process);
}

void Instance::add(const std::vector<std::string>& devices) {
  core::Database database(folder_ / "db/admin.db", core::Schema::admin, core::Access::read_write);
  std::vector<core::Phone> phones;
  for (const std::string& device : devices) {
    core::Phone phone;
    phone.name = device;
    phones.push_back(std::move(phone));
  }
  core::PhoneStore(database).save(phones, core::PhoneStore::Ask::changed_only);
}

void Instance::remove(const std::string& device) {
  core::Database database(folder_ / "db/admin.db", core::Schema::admin, core::Access::read_write);
  core::PhoneStore(database).remove(device);
}

boost::json::object Instance::call(const std::string& method, const boost::json::object& params) {
  return core::rpc_call(folder_ / "run/callmanager.sock", method, params).as_object();
}

boost::json::object Instance::reset(std::int64_t id, const std::string& kind,
                                    const std::vector<std::string>& devices) {
  boost::json::array names;
  for (const std::string& device : devices) names.emplace_back(device);
  boost::json::object params;
  params["id"] = id;
  params["kind"] = kind;
  params["devices"] = std::move(names);
  return call("reset", params);
}

Instance::Registrations Instance::registrations(
    const std::function<bool(const Registrations&)>& enough) {
  core::Database database(folder_ / "db/callmanager.db", core::Schema::callmanager,
                          core::Access::read_only);
  const core::RegistrationStore store(database);
  return eventually([&] { return store.list(); }, enough);
}

Instance::Resets Instance::resets(std::int64_t id,
                                  const std::function<bool(const Resets&)>& enough) {
  core::Database database(folder_ / "db/callmanager.db", core::Schema::callmanager,
                          core::Access::read_only);
  const core::RegistrationStore store(database);
  return eventually([&] { return store.resets(id); }, enough);
}

}  // namespace ringfence::test

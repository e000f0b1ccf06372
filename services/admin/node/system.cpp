#include "services/admin/node/system.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "services/admin/node/disk_space.h"
#include "services/admin/node/service_health.h"

namespace ringfence::services::admin {
namespace {

/// "name:  value unit" lines of /proc/meminfo, in KiB.
std::map<std::string, std::int64_t> memory() {
  std::map<std::string, std::int64_t> found;
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    std::int64_t kbytes = 0;
    if (words >> key >> kbytes && !key.empty()) found[key.substr(0, key.size() - 1)] = kbytes;
  }
  return found;
}

std::string os_version() {
  std::ifstream file("/etc/os-release");
  for (std::string line; std::getline(file, line);) {
    constexpr std::string_view kKey = "PRETTY_NAME=\"";
    if (line.starts_with(kKey)) return line.substr(kKey.size(), line.size() - kKey.size() - 1);
  }
  return "unknown";
}

/// Shares of processor time since the machine started, in percent.
void read_processor(core::admin::SystemStatus& status) {
  std::ifstream file("/proc/stat");
  std::string word;
  double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, soft = 0;
  if (!(file >> word >> user >> nice >> system >> idle >> iowait >> irq >> soft)) return;
  const double all = user + nice + system + idle + iowait + irq + soft;
  if (all <= 0) return;
  status.cpu_user = 100 * (user + nice) / all;
  status.cpu_system = 100 * system / all;
  status.cpu_idle = 100 * idle / all;
  status.cpu_iowait = 100 * iowait / all;
  status.cpu_irq = 100 * irq / all;
  status.cpu_soft = 100 * soft / all;
}

core::admin::Disk disk(const std::string& name, const std::filesystem::path& path) {
  struct statvfs facts {};

  core::admin::Disk disk;
  disk.name = name;
  if (::statvfs(path.c_str(), &facts) != 0) return disk;
  const auto kbytes = [&](fsblkcnt_t blocks) {
    return static_cast<std::int64_t>(blocks) * static_cast<std::int64_t>(facts.f_frsize) / 1024;
  };
  disk.total_kbytes = kbytes(facts.f_blocks);
  disk.free_kbytes = kbytes(facts.f_bavail);
  disk.used_kbytes = disk.total_kbytes - kbytes(facts.f_bfree);
  return disk;
}

std::string environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value == nullptr || *value == '\0' ? otherwise : value;
}

}  // namespace

core::admin::SystemVersion system_version() {
  return {RINGFENCE_VERSION, {}};
}

core::admin::SystemStatus system_status(const Machine& machine,
                                        const core::admin::ServiceFacts& signer) {
  core::admin::SystemStatus status;
  status.host = machine.config.node().host;
  status.date = core::to_iso(machine.clock.now());
  status.time_zone = "UTC";
  status.locale = environment("LANG", "C.UTF-8");
  status.version = RINGFENCE_VERSION;
  status.os_version = os_version();
  double uptime = 0;
  if (std::ifstream("/proc/uptime") >> uptime)
    status.uptime_seconds = static_cast<std::int64_t>(uptime);
  std::ifstream("/proc/loadavg") >> status.load1 >> status.load5 >> status.load15;
  read_processor(status);
  const auto facts = memory();
  const auto kbytes = [&](const char* key) {
    const auto found = facts.find(key);
    return found == facts.end() ? 0 : found->second;
  };
  status.memory_total = kbytes("MemTotal");
  status.memory_free = kbytes("MemFree");
  status.memory_used = kbytes("MemTotal") - kbytes("MemAvailable");
  status.memory_cached = kbytes("Cached");
  status.memory_shared = kbytes("Shmem");
  status.memory_buffers = kbytes("Buffers");
  status.disks = {disk("active", "/"), disk("state", machine.config.state())};
  status.phones = static_cast<std::int64_t>(machine.phones.count());
  status.registrar = machine.neighbours.registrar().why();
  if (core::Database* registrar = machine.neighbours.callmanager();
      registrar && status.registrar.empty()) {
    std::set<std::string> devices;
    for (const core::Registration& one : machine.neighbours.registrations())
      devices.insert(one.device);
    status.registered = static_cast<std::int64_t>(devices.size());
    std::set<std::string> silent;
    const core::Time now = machine.clock.now();
    for (const core::Registration& one : core::RegistrationStore(*registrar).list())
      if (one.expires_at > now && !devices.contains(one.device)) silent.insert(one.device);
    status.not_answering = static_cast<std::int64_t>(silent.size());
  }
  if (auto warning = disk_warning(machine.config.state())) {
    status.warnings.push_back(std::move(*warning));
  }
  std::vector<core::admin::ServiceFacts> states;
  for (const Service& one : kServices) states.push_back(machine.services.state(one));
  states = with_health(machine.config, std::move(states));
  states.push_back(signer);
  for (const core::admin::ServiceFacts& service : states)
    if (service.state == kNotResponding)
      status.warnings.push_back(service.name + " is not responding: " + service.reason);
  return status;
}

core::admin::Hello hello(const core::Config& config, const std::string& account, int level) {
  core::admin::Hello hello;
  hello.account = account;
  hello.level = level;
  hello.host = config.node().host;
  hello.version = RINGFENCE_VERSION;
  hello.processors = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  hello.memory_mbytes = memory()["MemTotal"] / 1024;
  if (auto warning = disk_warning(config.state())) {
    hello.warnings.push_back(std::move(*warning));
  }
  return hello;
}

}  // namespace ringfence::services::admin

#include "services/admin/node/child_processes.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/log_file.h"
#include "core/net/rpc.h"
#include "services/admin/node/control_socket.h"

namespace ringfence::services::admin {

using core::Code;
using core::Error;
using core::Fd;
using core::Level;
using core::log;
using core::admin::ServiceFacts;
using namespace std::chrono_literals;
using SteadyTime = std::chrono::steady_clock::time_point;

namespace {

constexpr auto kStartWithin = 20s;
constexpr auto kStopWithin = 10s;
constexpr auto kFirstRestartAfter = 1s;
constexpr auto kLastRestartAfter = 30s;
constexpr int kPinStatus = 3;       // ringfence-signer: the PIN is missing or wrong
constexpr auto kSteadyAfter = 60s;  // a service that ran this long starts from kFirstRestartAfter

constexpr std::array kAllPrograms = {kSigner, kServices[0], kServices[1], kServices[2],
                                     kServices[3]};
static_assert(kAllPrograms.size() == kServices.size() + 1);

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

/// Child is one service as the supervisor knows it.
struct Child {
  pid_t pid = 0;  // 0: not running
  Fd pidfd;
  bool ready = false;
  bool wanted = false;     // STARTED was commanded and not taken back
  bool final_end = false;  // what it ended with must not be tried again
  std::string reason = "Service Not Activated";
  SteadyTime started{};
  std::chrono::seconds restart_after = kFirstRestartAfter;
  SteadyTime restart_at{};
};

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return fmt::format("ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

}  // namespace

class ChildProcesses::Supervisor {
 public:
  Supervisor(std::filesystem::path programs, const core::Config& config)
      : programs_(std::move(programs)), config_(config), wake_(::eventfd(0, EFD_CLOEXEC)) {
    if (!wake_) throw Error(Code::io, "cannot make an eventfd");
    thread_ = std::thread([this] { run(); });
  }

  ~Supervisor() {
    post([this] {
      Child& signer = children_[kSigner.daemon];
      for (auto& [daemon, child] : children_)
        if (&child != &signer) request_stop(child);
      for (auto& [daemon, child] : children_)
        if (&child != &signer) await_stop(child);
      request_stop(signer);  // last: the others may sign until they have ended
      await_stop(signer);
      ending_ = true;
    }).wait();
    thread_.join();
  }

  ServiceFacts state(const Service& service) {
    const std::lock_guard lock(states_mutex_);
    const auto found = states_.find(service.daemon);
    if (found != states_.end()) return found->second;
    return {std::string(service.name), "STOPPED", "Service Not Activated"};
  }

  bool gave_up(const Service& service) {
    const std::lock_guard lock(states_mutex_);
    return gave_up_.contains(service.daemon);
  }

  std::vector<ServiceFacts> start(const Service& service) {
    return run_here([&] { return start_child(service); });
  }

  std::vector<ServiceFacts> stop(const Service& service) {
    return run_here([&] { return stop_child(service); });
  }

 private:
  std::future<void> post(std::function<void()> work) {
    std::packaged_task<void()> task(std::move(work));
    std::future<void> done = task.get_future();
    {
      const std::lock_guard lock(tasks_mutex_);
      tasks_.push_back(std::move(task));
    }
    const std::uint64_t one = 1;
    if (::write(wake_.get(), &one, sizeof one) < 0)
      log(Level::error, "SUPERVISOR_WAKE_FAILED", {{"error", std::strerror(errno)}});
    return done;
  }

  template <typename Work>
  std::vector<ServiceFacts> run_here(const Work& work) {
    std::vector<ServiceFacts> states;
    post([&] { states = work(); }).get();
    return states;
  }

  void run() {
    while (!ending_) {
      std::vector<pollfd> waits = {{wake_.get(), POLLIN, 0}};
      for (const auto& [daemon, child] : children_)
        if (child.pid != 0) waits.push_back({child.pidfd.get(), POLLIN, 0});
      ::poll(waits.data(), waits.size(), milliseconds_to_next_restart());
      collect_dead();  // before the tasks: who asks for a state gets the true one
      run_tasks();
      if (!ending_) restart_wanted();
    }
  }

  void collect_dead() {
    for (const Service& service : kAllPrograms) {
      const auto found = children_.find(service.daemon);
      if (found == children_.end() || found->second.pid == 0) continue;
      if (collect(found->second, 0ms)) note_death(service, found->second);
    }
  }

  void restart_wanted() {
    for (const Service& service : kAllPrograms) {
      const auto found = children_.find(service.daemon);
      if (found == children_.end()) continue;
      Child& child = found->second;
      if (child.pid != 0 || !child.wanted || child.final_end || now() < child.restart_at) continue;
      try {
        start_child(service);
      } catch (const Error& error) {
        child.reason = error.what();
        note_death(service, child);
      }
      child.wanted = true;  // also after a start that took too long: it is tried again
    }
  }

  void run_tasks() {
    std::deque<std::packaged_task<void()>> tasks;
    {
      const std::lock_guard lock(tasks_mutex_);
      if (tasks_.empty()) return;
      tasks.swap(tasks_);
      std::uint64_t ignored = 0;
      if (::read(wake_.get(), &ignored, sizeof ignored) < 0) return;
    }
    for (auto& task : tasks) task();
  }

  int milliseconds_to_next_restart() const {
    int least = -1;
    for (const auto& [daemon, child] : children_) {
      if (child.pid != 0 || !child.wanted || child.final_end) continue;
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(child.restart_at - now());
      const int wait = static_cast<int>(std::max<std::int64_t>(0, left.count()));
      least = least < 0 ? wait : std::min(least, wait);
    }
    return least;
  }

  std::vector<ServiceFacts> start_child(const Service& service) {
    Child& child = children_[service.daemon];
    if (child.pid != 0 && child.ready) return {publish(service, "STARTED", "")};
    std::vector<ServiceFacts> states;
    child.wanted = true;
    spawn(service, child);
    states.push_back(publish(service, "STARTING", ""));
    const SteadyTime until = now() + kStartWithin;
    while (!child.ready) {
      if (collect(child, 20ms)) {
        note_death(service, child);
        states.push_back(state(service));
        return states;
      }
      child.ready = answers(service);
      if (!child.ready && now() >= until) {
        request_stop(child);
        await_stop(child);
        child.reason = fmt::format("did not answer within {} seconds; see {}", kStartWithin.count(),
                                   log_file(service).string());
        note_death(service, child);
        states.push_back(state(service));
        return states;
      }
    }
    log(Level::notice, "SERVICE_STARTED",
        {{"service", std::string(service.name)}, {"pid", std::to_string(child.pid)}});
    states.push_back(publish(service, "STARTED", ""));
    return states;
  }

  std::vector<ServiceFacts> stop_child(const Service& service) {
    Child& child = children_[service.daemon];
    std::vector<ServiceFacts> states;
    child.wanted = false;
    if (child.pid != 0) {
      states.push_back(publish(service, "STOPPING", ""));
      request_stop(child);
      await_stop(child);
      log(Level::notice, "SERVICE_STOPPED", {{"service", std::string(service.name)}});
    }
    states.push_back(publish(service, "STOPPED", std::string(kCommandedOut)));
    return states;
  }

  void spawn(const Service& service, Child& child) {
    const std::string program = (programs_ / fmt::format("ringfence-{}", service.daemon)).string();
    const std::string state = config_.state().string();
    core::LogFile(log_file(service), config_.log_bounds()).rotate_if_full();
    const Fd output(
        ::open(log_file(service).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
    const Fd input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) throw Error(Code::io, "cannot fork: " + std::string(std::strerror(errno)));
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);
      if (::getppid() != parent) ::_exit(1);
      ::dup2(input.get(), 0);
      ::dup2(output.get(), 1);
      ::dup2(output.get(), 2);
      sigset_t none;
      ::sigemptyset(&none);
      ::sigprocmask(SIG_SETMASK, &none, nullptr);
      ::execl(program.c_str(), program.c_str(), "--state", state.c_str(), nullptr);
      ::_exit(127);
    }
    child.pid = pid;
    child.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    child.ready = false;
    child.started = now();
  }

  /// collect waits up to `wait` for the child's end and reaps it; true when it ended.
  bool collect(Child& child, std::chrono::milliseconds wait) {
    pollfd ended{child.pidfd.get(), POLLIN, 0};
    if (::poll(&ended, 1, static_cast<int>(wait.count())) <= 0) return false;
    int status = 0;
    if (::waitpid(child.pid, &status, WNOHANG) != child.pid) return false;
    child.pid = 0;
    child.pidfd = Fd();
    child.ready = false;
    child.reason = describe_end(status);
    // A token counts wrong PINs: such a start is never repeated by itself.
    child.final_end = WIFEXITED(status) && WEXITSTATUS(status) == kPinStatus;
    return true;
  }

  void note_death(const Service& service, Child& child) {
    if (now() - child.started >= kSteadyAfter) child.restart_after = kFirstRestartAfter;
    child.restart_at = now() + child.restart_after;
    child.restart_after =
        std::min<std::chrono::seconds>(2 * child.restart_after, kLastRestartAfter);
    log(Level::error, "SERVICE_DIED",
        {{"service", std::string(service.name)},
         {"reason", child.reason},
         {"log", log_file(service).string()}});
    publish(service, "STOPPED", child.reason);
    if (!child.final_end) return;
    const std::lock_guard lock(states_mutex_);
    gave_up_.insert(service.daemon);
  }

  void request_stop(Child& child) {
    child.wanted = false;
    if (child.pid != 0) ::kill(child.pid, SIGTERM);
  }

  void await_stop(Child& child) {
    if (child.pid == 0) return;
    if (collect(child, kStopWithin)) return;
    log(Level::error, "SERVICE_KILLED", {{"pid", std::to_string(child.pid)}});
    ::kill(child.pid, SIGKILL);
    collect(child, kStopWithin);
  }

  bool answers(const Service& service) {
    if (service.daemon == kSigner.daemon) return serves(config_.signer_socket("admin"));
    try {
      core::rpc_call(config_.control_socket(std::string(service.daemon)), "status", {}, 1s);
      return true;
    } catch (const Error&) {
      return false;  // not yet: the caller looks again until its deadline
    }
  }

  std::filesystem::path log_file(const Service& service) const {
    return config_.log_file(std::string(service.daemon));
  }

  ServiceFacts publish(const Service& service, std::string state, std::string reason) {
    ServiceFacts facts{std::string(service.name), std::move(state), std::move(reason)};
    const std::lock_guard lock(states_mutex_);
    states_[service.daemon] = facts;
    gave_up_.erase(service.daemon);
    return facts;
  }

  const std::filesystem::path programs_;
  const core::Config& config_;
  Fd wake_;
  bool ending_ = false;                         // supervisor thread only
  std::map<std::string_view, Child> children_;  // supervisor thread only
  std::mutex states_mutex_;
  std::map<std::string_view, ServiceFacts> states_;
  std::set<std::string_view> gave_up_;
  std::mutex tasks_mutex_;
  std::deque<std::packaged_task<void()>> tasks_;
  std::thread thread_;  // last: it uses everything above
};

ChildProcesses::ChildProcesses(std::filesystem::path programs, const core::Config& config)
    : supervisor_(std::make_unique<Supervisor>(std::move(programs), config)) {}

ChildProcesses::~ChildProcesses() = default;

ServiceFacts ChildProcesses::state(const Service& service) {
  return supervisor_->state(service);
}

std::vector<ServiceFacts> ChildProcesses::start(const Service& service) {
  return supervisor_->start(service);
}

std::vector<ServiceFacts> ChildProcesses::stop(const Service& service) {
  return supervisor_->stop(service);
}

bool ChildProcesses::gave_up(const Service& service) {
  return supervisor_->gave_up(service);
}

}  // namespace ringfence::services::admin

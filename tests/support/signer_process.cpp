#include "tests/support/signer_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace ringfence::test {
namespace {

struct Started {
  pid_t pid;
  int output;  ///< read end of its stdout
};

std::filesystem::path log_of(const std::filesystem::path& folder) {
  return folder / "signer.log";
}

std::string read_log(const std::filesystem::path& folder) {
  std::ifstream file(log_of(folder));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Started start(const std::filesystem::path& folder) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  const std::string program = std::string(RINGFENCE_BIN_DIR) + "/ringfence-signer";
  const std::string state = folder.string();
  const std::string log = log_of(folder).string();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // a test that crashes leaves no signer behind
    ::dup2(ends[1], STDOUT_FILENO);
    const int errors = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(errors, STDERR_FILENO);
    ::execl(program.c_str(), program.c_str(), "--state", state.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  if (pid < 0) throw std::runtime_error("fork failed");
  return {pid, ends[0]};
}

ProcessResult reap(pid_t pid, const std::filesystem::path& folder) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, read_log(folder)};
}

}  // namespace

SignerProcess::SignerProcess(std::filesystem::path folder) : folder_(std::move(folder)) {
  const Started started = start(folder_);
  char byte = 0;
  pollfd entry{started.output, POLLIN, 0};
  const bool ready = ::poll(&entry, 1, 60'000) == 1 && ::read(started.output, &byte, 1) == 1;
  ::close(started.output);
  if (!ready) {
    ::kill(started.pid, SIGKILL);
    throw std::runtime_error("ringfence-signer did not get ready: " +
                             reap(started.pid, folder_).stderr_text);
  }
  pid_ = started.pid;
}

SignerProcess::~SignerProcess() {
  if (pid_ != 0) stop();
}

std::filesystem::path SignerProcess::socket(const std::string& role) const {
  return folder_ / "run" / "signer" / (role + ".sock");
}

std::vector<pid_t> SignerProcess::workers() const {
  const std::string pid = std::to_string(pid_);
  std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
  return {std::istream_iterator<pid_t>(children), {}};
}

ProcessResult SignerProcess::stop() {
  ::kill(pid_, SIGTERM);
  return wait();
}

ProcessResult SignerProcess::wait() {
  return reap(std::exchange(pid_, 0), folder_);
}

ProcessResult SignerProcess::run_to_end(const std::filesystem::path& folder) {
  const Started started = start(folder);
  const ProcessResult result = reap(started.pid, folder);
  ::close(started.output);
  return result;
}

}  // namespace ringfence::test

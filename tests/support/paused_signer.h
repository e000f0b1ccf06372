// A signer whose workers stand still, so that every signature hangs.
#pragma once

#include <signal.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/eventually.h"
#include "tests/support/signer_process.h"

namespace ringfence::test {

/// PausedSigner stops every worker of `signer` (SIGSTOP) until `resume` or its end. The signer goes
/// on accepting requests. Keep it short: a worker that is silent for 10 s may be replaced.
class PausedSigner {
 public:
  /// Returns when all of them stand still.
  explicit PausedSigner(const SignerProcess& signer) {
    const std::string pid = std::to_string(signer.pid());
    std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
    workers_.assign(std::istream_iterator<pid_t>(children), {});
    if (workers_.empty()) throw std::runtime_error("the signer has no worker");
    for (const pid_t worker : workers_) ::kill(worker, SIGSTOP);
    for (const pid_t worker : workers_) {
      if (!eventually([worker] { return state_of(worker) == 'T'; })) {
        throw std::runtime_error("a worker does not stop");
      }
    }
  }

  PausedSigner(const PausedSigner&) = delete;
  PausedSigner& operator=(const PausedSigner&) = delete;

  ~PausedSigner() { resume(); }

  void resume() {
    for (const pid_t worker : workers_) ::kill(worker, SIGCONT);
    workers_.clear();
  }

 private:
  static char state_of(pid_t process) {
    std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
    const std::string line(std::istreambuf_iterator<char>(stat), {});
    const auto end_of_name = line.rfind(')');
    return end_of_name == std::string::npos ? '?' : line.at(end_of_name + 2);
  }

  std::vector<pid_t> workers_;
};

}  // namespace ringfence::test

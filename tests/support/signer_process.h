// A real ringfence-signer with a fresh SoftHSM token, for tests of any room.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace ringfence::test {

/// ProcessResult is how a program ended and what it wrote to stderr.
struct ProcessResult {
  int exit_code = 0;  ///< 128 + signal when it was killed by one
  std::string stderr_text;
};

/// SignerProcess runs ringfence-signer on `folder` and stops it, by its pid, in the destructor.
///
/// The constructor returns when the signer said "ready": then the sockets of all roles stand. A
/// first start makes the token; no keys yet. Construct it on the main thread: the signer also ends
/// when that thread ends. Throws std::runtime_error with the signer's stderr
/// when it ends instead. Its log is folder/signer.log.
class SignerProcess {
 public:
  explicit SignerProcess(std::filesystem::path folder);
  SignerProcess(const SignerProcess&) = delete;
  SignerProcess& operator=(const SignerProcess&) = delete;
  ~SignerProcess();

  /// socket returns the path of a role's socket: "admin", "capf", "tvs", "tftp", "callmanager".
  std::filesystem::path socket(const std::string& role) const;

  pid_t pid() const noexcept { return pid_; }

  /// workers returns the pids of the processes that hold the token now.
  std::vector<pid_t> workers() const;

  /// stop sends SIGTERM, waits, and tells how the signer ended. At most once.
  ProcessResult stop();

  /// wait waits for a signer that ends by itself. At most once, and not after stop.
  ProcessResult wait();

  /// run_to_end starts a signer that is expected not to get ready and waits for its end.
  static ProcessResult run_to_end(const std::filesystem::path& folder);

 private:
  std::filesystem::path folder_;
  pid_t pid_ = 0;
};

}  // namespace ringfence::test

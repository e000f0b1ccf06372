// A SoftHSM token behind the module with faults, opened in the test's own process.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "hsm/error.h"
#include "hsm/signer/state.h"
#include "hsm/token.h"
#include "tests/integration/hsm/signer_peer.h"
#include "tests/integration/hsm/support.h"
#include "tests/support/faults.h"

namespace ringfence::hsm::test {

inline constexpr KeySpec kP256{KeyAlgorithm::ec, 256};

/// Opened is a token as a worker of the signer has it. One at a time in a process, and no fork
/// while it lives.
struct Opened {
  explicit Opened(const Config& config, Versions::Sync sync = {})
      : module(config.module),
        slot(open_slot(config, module)),
        token(module, slot, read_pin(config).reveal(), config.versions_file(), std::move(sync)) {}

  /// refs lists the keys.
  std::vector<KeyRef> refs() const {
    std::vector<KeyRef> list;
    for (const Token::Entry& entry : token.entries()) list.push_back(entry.info.ref);
    return list;
  }

  /// signs says whether the key signs, and OpenSSL accepts it for the public key of `entry`.
  bool signs(const Token::Entry& entry) {
    const SignRequest request = digested(ecdsa(entry.info.ref));
    return verifies(entry.spki, request, token.sign(request));
  }

  Module module;
  Slot slot;
  Token token;
};

/// Child is a process that waits for go(), opens the token, and does some work with it.
class Child {
 public:
  template <typename Work>
  Child(const Config& config, Work work) {
    if (::pipe(start_) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ != 0) {
      ::close(start_[0]);
      return;
    }
    ::close(start_[1]);
    char byte = 0;
    if (::read(start_[0], &byte, 1) != 1) ::_exit(2);  // the test ended before go()
    try {
      Opened opened(config);
      work(opened);
      ::_exit(0);
    } catch (const std::exception& error) {
      fmt::print(stderr, "child: {}\n", error.what());
    }
    ::_exit(1);
  }

  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  ~Child() {
    if (pid_ != 0) wait();
  }

  void go() const {
    if (::write(start_[1], "g", 1) != 1) std::abort();
  }

  pid_t pid() const { return pid_; }

  /// wait returns the exit code, or 128 + the signal.
  int wait() {
    ::close(start_[1]);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  int start_[2];
  pid_t pid_ = 0;
};

/// quick_place is in memory where that can be had: SoftHSM truncates files, and on a busy disk each
/// of these takes milliseconds.
inline std::string quick_place() {
  return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

class TokenTest : public testing::Test {
 protected:
  TokenTest() {
    write_text(folder_ / "ringfence.toml", "[hsm]\nmodule = \"" RINGFENCE_FAULTY_MODULE "\"\n");
    config_ = load_config(folder_.path());
    lock_ = enter_state(config_);
    ::setenv("SOFTHSM2_CONF", (config_.folder() / "softhsm2.conf").c_str(), 1);
  }

  ~TokenTest() override { ::unsetenv("SOFTHSM2_CONF"); }

  /// objects counts the token's objects of one class, ours or not, of a Token that is open.
  static std::size_t objects(const Opened& opened, CK_OBJECT_CLASS type) {
    const Session session(opened.module, opened.slot.id);  // logged in, as all of this process
    const CK_BBOOL yes = CK_TRUE;
    return session.find({attribute(CKA_CLASS, type), attribute(CKA_TOKEN, yes)}).size();
  }

  /// work does it in a process that opens the token, as SoftHSM reads files once; its exit status.
  template <typename Work>
  int work(Work what) {
    Child child(config_, what);
    child.go();
    return child.wait();
  }

  TemporaryFolder folder_{quick_place()};
  ringfence::test::Faults faults_{folder_ / "faults"};
  Config config_;
  Fd lock_;
};

}  // namespace ringfence::hsm::test

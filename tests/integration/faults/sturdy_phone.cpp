// A phone that comes back until it is told that nothing is left to do.
#include "tests/integration/faults/sturdy_phone.h"

#include <pthread.h>
#include <signal.h>

#include <thread>

#include "tests/integration/capf/mini_phone.h"
#include "tests/unit/services/capf/phone_keys.h"

namespace ringfence::test {
namespace {

using namespace std::chrono_literals;

constexpr int kAuthRequest = 1;
constexpr int kKeyRequest = 3;
constexpr int kStoreRequest = 9;
constexpr int kDeleteRequest = 13;
constexpr int kEnd = 15;
constexpr int kRetryLater = 16;

/// reason_of returns the reason of an END SESSION: 0 nothing to do, 1 done.
int reason_of(const Said& said) {
  return said.value(1).at(0);
}

/// NoSigpipe keeps this thread alive when it writes to a connection that its peer has closed, and
/// leaves the process's handling, which children inherit, as it is.
class NoSigpipe {
 public:
  NoSigpipe() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }

  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

  ~NoSigpipe() {
    const timespec now{};
    while (::sigtimedwait(&pipe_, nullptr, &now) == SIGPIPE) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

}  // namespace

SturdyPhone::SturdyPhone(std::string name, std::chrono::milliseconds thinks)
    : name_(std::move(name)), key_(spki(ec_key("P-256").get())), thinks_(thinks) {}

bool SturdyPhone::enrol(std::uint16_t port, std::chrono::steady_clock::time_point until) {
  while (std::chrono::steady_clock::now() < until) {
    ++tries_;
    wait_ = 50ms;
    End end = End::lost;
    try {
      end = converse(port);
    } catch (const std::runtime_error& error) {
      complaint_ = error.what();
    }
    if (end == End::done) return true;
    std::this_thread::sleep_for(wait_);  // it is a phone's pause, not a test's
  }
  return false;
}

SturdyPhone::End SturdyPhone::converse(std::uint16_t port) {
  const NoSigpipe alive;
  MiniPhone line(port);
  Said said = line.hear();
  if (said.command == kAuthRequest) {
    line.say(2, name_element(name_) + element(8, {2}) + element(7, {3}));
    said = line.hear();
  }
  if (said.command == kKeyRequest) {
    std::this_thread::sleep_for(thinks_);
    line.say(4, element(9, key_));
    said = line.hear();
  }
  if (said.command == kStoreRequest) {
    const core::Bytes value = said.value(4);
    received_.emplace_back(value.begin() + 5, value.end());  // behind its kind and length
    std::this_thread::sleep_for(thinks_);
    line.say(10, element(1, {1}));
    said = line.hear();
  }
  if (said.command == kDeleteRequest) {
    line.say(14, element(1, {1}));
    said = line.hear();
  }
  if (said.command == kRetryLater) {
    std::chrono::milliseconds told = 0ms;
    for (const std::uint8_t byte : said.value(12)) told = told * 256 + byte * 1000ms;
    wait_ = told / 100;
    complaint_ = "told to come later";
    return End::later;
  }
  if (said.command != kEnd) throw std::runtime_error("an unexpected message");
  if (reason_of(said) <= 1) return End::done;
  complaint_ = "refused with reason " + std::to_string(reason_of(said));
  return End::lost;
}

}  // namespace ringfence::test

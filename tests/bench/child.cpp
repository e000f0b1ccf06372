#include "tests/bench/child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string>

namespace ringfence::bench {
namespace {

struct Report {
  double seconds = 0;
  char problem[500] = "";  ///< empty when all went well
};

void tell_parent(int channel, const Report& report) {
  if (::send(channel, &report, sizeof report, MSG_NOSIGNAL) < 0) ::_exit(0);
}

[[noreturn]] void live(int channel, const Child::Prepare& prepare) {
  try {
    const Child::Perform perform = prepare();
    tell_parent(channel, {});
    Order order;
    while (::recv(channel, &order, sizeof order, 0) == sizeof order)
      tell_parent(channel, {perform(order).count()});
  } catch (const std::exception& error) {
    Report report;
    const std::string what = error.what();
    what.copy(report.problem, sizeof report.problem - 1);
    tell_parent(channel, report);
  }
  ::_exit(0);  // not exit: the parent's buffers and objects are not ours to flush and end
}

}  // namespace

Child::Child(const Prepare& prepare) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw std::runtime_error("socketpair failed");
  channel_ = hsm::Fd(ends[0]);
  const hsm::Fd theirs(ends[1]);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    channel_ = hsm::Fd();
    live(theirs.get(), prepare);
  }
  wait();
}

Child::~Child() {
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
}

void Child::tell(const Order& order) const {
  if (::send(channel_.get(), &order, sizeof order, MSG_NOSIGNAL) != sizeof order)
    throw std::runtime_error("a process of the bench is gone");
}

Seconds Child::wait() const {
  Report report;
  ssize_t size = 0;
  do {
    size = ::recv(channel_.get(), &report, sizeof report, 0);
  } while (size < 0 && errno == EINTR);
  if (size != sizeof report) throw std::runtime_error("a process of the bench died");
  if (report.problem[0] != '\0') throw std::runtime_error(report.problem);
  return Seconds(report.seconds);
}

}  // namespace ringfence::bench

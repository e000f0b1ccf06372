#include "core/net/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "core/base/daemon_arguments.h"
#include "core/base/dumps.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/log_keeper.h"

namespace ringfence::core {
namespace {

// A signal handler may only reach what is static: the pipe that it writes to.
std::array<int, 2> stop_pipe{-1, -1};

extern "C" void on_stop_signal(int) {
  const int saved = errno;
  [[maybe_unused]] const ssize_t written = ::write(stop_pipe[1], "!", 1);
  errno = saved;
}

void catch_signals() {
  if (::pipe2(stop_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    throw Error(Code::io, "no pipe for signals");
  }
  ::signal(SIGPIPE, SIG_IGN);

  struct sigaction action {};

  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
}

/// raise_file_limit makes room for every phone's socket: Debian's soft limit is 1024. Only root may
/// go beyond the hard one.
void raise_file_limit() {
  constexpr rlim_t kWanted = 65'536;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kWanted) return;
  const rlimit wanted{kWanted, std::max(kWanted, limit.rlim_max)};
  if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) return;
  limit.rlim_cur = std::min(kWanted, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int daemon_main(int argc, char** argv, const std::string& name,
                const std::function<void(const DaemonOptions&)>& body) {
  const DaemonArguments arguments = read_arguments(argc, argv, name);
  if (!arguments.state) return arguments.status;
  try {
    log_as(name);
    forbid_dumps();
    raise_file_limit();
    catch_signals();
    const LogKeeper log_keeper;
    body({*arguments.state});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return 1;
  }
}

std::size_t file_limit() noexcept {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<std::size_t>(limit.rlim_cur) : 0;
}

void wait_for_stop() {
  pollfd polled{stop_descriptor(), POLLIN, 0};
  while (::poll(&polled, 1, -1) < 0 && errno == EINTR) continue;
}

int stop_descriptor() noexcept {
  return stop_pipe[0];
}

}  // namespace ringfence::core

#include "core/net/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "core/base/error.h"
#include "core/base/log.h"

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

}  // namespace

int daemon_main(int argc, char** argv, const std::string& name,
                const std::function<void(const DaemonOptions&)>& body) {
  DaemonOptions options;
  CLI::App app("part of Ringfence, see README.md", name);
  app.add_option("--state", options.state, "the instance's state folder")->required();
  app.set_version_flag("--version", RINGFENCE_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    log_as(name);
    catch_signals();
    body(options);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return 1;
  }
}

void wait_for_stop() {
  pollfd polled{stop_descriptor(), POLLIN, 0};
  while (::poll(&polled, 1, -1) < 0 && errno == EINTR) continue;
}

int stop_descriptor() noexcept {
  return stop_pipe[0];
}

}  // namespace ringfence::core

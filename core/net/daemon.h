// What every daemon's main does alike: options, signals, its name in the log.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

namespace ringfence::core {

/// DaemonOptions are what a daemon is told on its command line; the rest is in ringfence.toml.
struct DaemonOptions {
  std::filesystem::path state;
};

/// daemon_main parses `--state DIR` (and --help, --version), sets the log's name, raises the limit
/// of open files, forbids core dumps and debuggers (there are authentication strings in memory),
/// ignores SIGPIPE, catches SIGTERM and SIGINT for wait_for_stop, runs `body`, and turns what
/// escapes it into one line on stderr and exit status 1 (2 for wrong arguments).
int daemon_main(int argc, char** argv, const std::string& name,
                const std::function<void(const DaemonOptions&)>& body);

/// file_limit returns how many descriptors this process may have open (RLIMIT_NOFILE).
std::size_t file_limit() noexcept;

/// wait_for_stop blocks until SIGTERM or SIGINT came, also when it came before the call. Only
/// inside a daemon_main's body; any thread, any number of times.
void wait_for_stop();

/// stop_descriptor is a descriptor that is readable, for ever, once SIGTERM or SIGINT came: for
/// daemons with an event loop of their own. Nobody reads from it.
int stop_descriptor() noexcept;

}  // namespace ringfence::core

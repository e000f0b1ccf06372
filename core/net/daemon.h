// What every daemon's main does alike: options, signals, threads, the control socket.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace ringfence::core {

/// Daemon is what a service's `main` gets to wire itself up.
struct DaemonOptions {
  std::filesystem::path state;
};

/// daemon_main parses `--state DIR` (and --help, --version), sets the log's name, ignores SIGPIPE,
/// runs `body`, and turns what escapes it into one line on stderr and exit status 1
/// (2 for wrong arguments). `body` returns when SIGTERM or SIGINT came.
int daemon_main(int argc, char** argv, const std::string& name,
                const std::function<void(const DaemonOptions&)>& body);

}  // namespace ringfence::core

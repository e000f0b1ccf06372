// The command line of a daemon: all it is told is where its instance lives.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace ringfence::core {

/// DaemonArguments is what became of a command line: a state folder, or the exit status of a
/// program that has said what it was asked for (0) or what is wrong with its arguments (2).
struct DaemonArguments {
  std::optional<std::filesystem::path> state;
  int status = 0;
};

/// read_arguments takes `--state DIR` or `--state=DIR`; --help, -h and --version print and end.
/// `name` is the program's.
DaemonArguments read_arguments(int argc, char** argv, std::string_view name);

}  // namespace ringfence::core

#include "core/base/daemon_arguments.h"

#include <string>
#include <vector>

#include <fmt/format.h>

namespace ringfence::core {
namespace {

DaemonArguments wrong(std::string_view name, const std::string& what) {
  fmt::print(stderr, "{0}: {1}; usage: {0} --state DIR\n", name, what);
  return {std::nullopt, 2};
}

}  // namespace

DaemonArguments read_arguments(int argc, char** argv, std::string_view name) {
  constexpr std::string_view kState = "--state";
  DaemonArguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--version") {
      fmt::print("{}\n", RINGFENCE_VERSION);
      return {};
    }
    if (argument == "--help" || argument == "-h") {
      fmt::print(
          "part of Ringfence, see README.md\nUsage: {} --state DIR\n\n"
          "  --state DIR   the instance's state folder\n"
          "  --version     print the version\n",
          name);
      return {};
    }
    if (argument == kState && i + 1 < argc) {
      arguments.state = argv[++i];
    } else if (argument.starts_with("--state=")) {
      arguments.state = argument.substr(kState.size() + 1);
    } else {
      return wrong(name, argument == kState ? std::string("--state needs a folder")
                                            : fmt::format("unknown argument '{}'", argument));
    }
  }
  if (!arguments.state || arguments.state->empty()) return wrong(name, "--state DIR is missing");
  return arguments;
}

}  // namespace ringfence::core

// The fleet program's command line.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/fleet/fleet.h"

namespace ringfence::fleet {

/// CommandLine is what the program was asked for.
struct CommandLine {
  Options fleet;
  bool json = false;
  std::string control;  ///< path of a unix socket, "-" for stdin and stdout, or empty
};

/// parse_command_line reads the arguments. For --help and for mistakes it prints what CLI11 says
/// and throws ExitNow. Throws core::Error{malformed} for files that cannot be.
CommandLine parse_command_line(int argc, char** argv);

/// ExitNow ends the program with a status.
struct ExitNow {
  int status = 0;
};

/// read_names returns one device name a line; empty lines and lines that start with '#' are passed.
std::vector<std::string> read_names(const std::filesystem::path& path);

/// read_auth_strings reads lines "name,string"; a header line "name,…" is passed over.
/// Throws core::Error{malformed} naming the line, never its string.
std::map<std::string, std::string> read_auth_strings(const std::filesystem::path& path);

}  // namespace ringfence::fleet

// Running a program and reading what it said.
#pragma once

#include <string>
#include <vector>

namespace ringfence::test {

/// Result is how a program ended and what it printed.
struct Result {
  int status = 0;  ///< exit status; 128 + signal when a signal ended it
  std::string out;
  std::string err;
};

/// run starts `words` (found through PATH), feeds it `input` and waits for its end.
///
/// `environment` holds "NAME=value" that are added to ours. Throws std::runtime_error when it
/// cannot be started. Processes it leaves behind keep neither pipe open for us: run returns when
/// the program itself has ended and its output was read as far as it came.
Result run(const std::vector<std::string>& words, const std::string& input = "",
           const std::vector<std::string>& environment = {});

}  // namespace ringfence::test

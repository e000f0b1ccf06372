// Words to a command and its arguments.
#pragma once

#include <string>
#include <vector>

#include "shell/grammar.h"

namespace ringfence::shell {

enum class Verdict {
  command,     ///< complete
  incomplete,  ///< a menu, or a parameter is missing
  unknown,     ///< no such words
};

struct Parsed {
  Verdict verdict = Verdict::unknown;
  const Command* command = nullptr;
  Arguments arguments;
};

/// parse finds the command that `words` name in full (an abbreviation is unknown) and checks its
/// parameters. Throws Error{malformed} for a value that cannot be, naming those that can.
Parsed parse(const Grammar& grammar, const std::vector<std::string>& words);

}  // namespace ringfence::shell

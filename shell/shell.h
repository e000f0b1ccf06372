// The engine: runs lines and knows no command.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shell/call.h"
#include "shell/grammar.h"

namespace ringfence::shell {

/// A line may be this long; what is longer is refused, not run in part.
constexpr std::size_t kMaxLineBytes = std::size_t{64} << 10;

/// Shell runs commands one at a time: parse, confirm, run, report. Errors become CUCM's texts
/// (reference/cucm-cli.md 1.4), or {"error": {"code", "message"}} when the output is JSON.
class Shell {
 public:
  /// Both outlive the shell.
  Shell(const Grammar& grammar, Session& session) : grammar_(grammar), session_(session) {}

  /// run_line runs one typed line. A blank one is a success, and so is a comment: one that begins
  /// with `#` or `!`. One that ends in `?` asks for help.
  Status run_line(std::string_view line);

  /// run_words runs a command given as words already, as from an argument vector.
  Status run_words(const std::vector<std::string>& words);

 private:
  Status run(const Command& command, const Arguments& arguments);
  bool confirmed(Call& call, const Confirmation& confirmation);
  Status fail(Status status, std::string_view code, std::string_view message,
              const Remarks& remarks = {});
  std::size_t columns() const;  ///< as Call's

  const Grammar& grammar_;
  Session& session_;
};

}  // namespace ringfence::shell

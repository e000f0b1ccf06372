// A shell with a recorded daemon and a recorded console.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "core/admin/api.h"
#include "shell/commands.h"
#include "shell/shell.h"
#include "tests/unit/shell/recorded_admin.h"

namespace ringfence::shell::test {

class ShellTest : public testing::Test {
 protected:
  /// run runs one line and returns its status; the output is added to `console.output`.
  Status run(const std::string& line) { return Shell(grammar, session).run_line(line); }

  /// output_of runs one line and returns what it alone printed.
  std::string output_of(const std::string& line) {
    console.output.clear();
    run(line);
    return console.output;
  }

  /// transcript shows what an administrator would see who types these lines.
  std::string transcript(const std::vector<std::string>& lines) {
    console.output.clear();
    for (const std::string& line : lines) {
      console.output += "admin:" + line + "\n";
      run(line);
    }
    return console.output;
  }

  std::shared_ptr<RecordedAdmin> admin = std::make_shared<RecordedAdmin>();
  RecordingConsole console;
  Grammar grammar{all_commands(), 4};
  Session session{admin, console};
};

}  // namespace ringfence::shell::test

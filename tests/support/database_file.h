// A database file looked at, and harmed, from outside: with the sqlite3 program and raw bytes.
#pragma once

#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace ringfence::test {

/// sqlite3 runs `sql` on `file` with the sqlite3 program and returns what it printed, columns
/// parted by '|', or throws when it cannot be run. Its error text is part of the result.
inline std::string sqlite3(const std::filesystem::path& file, const std::string& sql) {
  const std::string command =
      "sqlite3 -batch '" + file.string() + "' \"" + sql + "\" 2>&1";  // no quotes in tests' SQL
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen failed");
  std::string output;
  char buffer[4096];
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, pipe))
    output.append(buffer, count);
  ::pclose(pipe);
  while (output.ends_with('\n')) output.pop_back();
  return output;
}

}  // namespace ringfence::test

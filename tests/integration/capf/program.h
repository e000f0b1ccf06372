// ringfence-capf as a process of its own, for tests and the bench.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>

#include <boost/json/object.hpp>

namespace ringfence::test {

/// free_port asks the kernel for a TCP port above `above` that nobody has.
std::uint16_t free_port(std::uint16_t above);

/// Program is ringfence-capf on a state folder, stopped by its pid at the end. Its log is
/// folder/capf.log.
class Program {
 public:
  explicit Program(const std::filesystem::path& state);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  /// status waits until the program answers `status`; throws core::Error when it ended instead, or
  /// does not answer for long.
  boost::json::object status() const;

  /// resident_bytes is what it has in memory now (/proc/<pid>/statm).
  std::size_t resident_bytes() const;

  pid_t pid() const noexcept { return pid_; }

  /// stop sends SIGTERM, waits, and returns the exit status (128 and more: the signal).
  int stop();
  int kill();  ///< likewise, by SIGKILL

 private:
  int end(int signal);
  bool ended() const;

  std::filesystem::path state_;
  pid_t pid_ = 0;
};

}  // namespace ringfence::test

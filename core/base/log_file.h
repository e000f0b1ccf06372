// The file that a daemon's standard error goes to, kept within bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace ringfence::core {

/// LogBounds are how large a log file becomes, and how many older ones stay: file.1, the latest, to
/// file.<older>.
struct LogBounds {
  std::uint64_t bytes = 10'000'000;
  int older = 4;
};

/// log_share is one daemon's part of what all of them may write, in megabytes: six daemons, and
/// each file with its older ones.
LogBounds log_share(std::uint64_t megabytes) noexcept;

/// LogFile rotates one log file. Several processes may write it and rotate it, each with a LogFile
/// of its own: the folder is locked meanwhile, and each finds the new file before its next line.
class LogFile {
 public:
  LogFile(std::filesystem::path file, LogBounds bounds);

  /// make_room rotates when `bytes` more would be too many, and lets standard error (and standard
  /// output, when it went there too) go to the new file, which has the old one's mode. Does nothing
  /// when standard error went elsewhere from the beginning. Of a file that is more than twice as
  /// large as it may be, because what is no log line was written past us, the beginning stays and a
  /// line that says how much was cut. Returns false when a line must not be
  /// written, because the file is twice as large as it may be and cannot be rotated.
  bool make_room(std::size_t bytes) noexcept;

  /// rotate_if_full is for a file that nobody writes now.
  void rotate_if_full() noexcept;

 private:
  bool here() const noexcept;
  bool reopen(unsigned mode) noexcept;
  void shift() noexcept;
  void cut(std::uint64_t size);
  std::filesystem::path older(int generation) const;

  const std::filesystem::path file_;
  const LogBounds bounds_;
  const bool ours_;  ///< standard error went there at the beginning
};

/// keep_log_within has `log` keep the file that this process's standard error goes to within
/// bounds: `file`, or nothing happens. Once, before there are threads.
void keep_log_within(const std::filesystem::path& file, LogBounds bounds);

/// make_log_room is LogFile::make_room of that file, for who writes to standard error by himself.
bool make_log_room(std::size_t bytes) noexcept;

/// keep_log_bounds keeps the file within bounds also when nobody logs: libraries, sanitizers and
/// the like write to standard error by themselves. Any thread; LogKeeper does it every second.
void keep_log_bounds() noexcept;

/// Telling is how much of what LogThrottle left out is to be told.
enum class Telling { what_is_due, everything };

/// tell_repeated writes a line "<EVENT> peer=… note="repeated N times"" for each event and peer
/// whose lines were left out. Any thread; LogKeeper does it every few seconds.
void tell_repeated(Telling telling) noexcept;

}  // namespace ringfence::core

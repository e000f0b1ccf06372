// Files: owned descriptors, bounded reading, atomic writing, locks.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <utility>

#include "core/base/bytes.h"

namespace ringfence::core {

/// Fd owns a file descriptor and closes it.
class Fd {
 public:
  Fd() = default;

  explicit Fd(int fd) noexcept : fd_(fd) {}

  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  Fd& operator=(Fd&& other) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd();

  int get() const noexcept { return fd_; }

  int release() noexcept { return std::exchange(fd_, -1); }

  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// read_file returns the whole file.
///
/// Throws Error: `not_found`; `malformed` when it is longer than `max_bytes`; `io`.
Bytes read_file(const std::filesystem::path& path, std::size_t max_bytes);

/// write_atomically replaces `path` by `bytes`: a reader sees the old file or the new one.
///
/// Writes and fsyncs a temporary file beside it that has `mode` from its first byte, renames it,
/// and fsyncs the folder. Throws Error{io}; then `path` is as it was, unless only the folder could
/// not be synced: then the new file stands, and a power cut may bring the old one back.
void write_atomically(const std::filesystem::path& path, BytesView bytes, mode_t mode = 0644);

/// sync_folder makes the names in `folder` survive a power cut: what was created, renamed or
/// removed there. Throws Error{io}.
void sync_folder(const std::filesystem::path& folder);

/// folder_of returns the folder in which `path` stands, "." for a bare name.
std::filesystem::path folder_of(const std::filesystem::path& path);

/// lock_file takes an exclusive advisory lock on `path` (created 0600) until the Fd closes.
///
/// Returns nothing when another process holds it. Writes this process's id into the file.
std::optional<Fd> lock_file(const std::filesystem::path& path);

}  // namespace ringfence::core

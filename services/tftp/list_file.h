// A trust list on disk, and its last good version in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/clock.h"

namespace ringfence::services::tftp {

/// Content is a file as phones get it, and its SHA-1 in lower-case hex.
struct Content {
  core::Bytes bytes;
  std::string sha1;
  core::Time since = {};  ///< of a trust list: when it was read
};

/// Absence says what a missing file means.
enum class Absence {
  keep_last,  ///< an accident: the last good version stays served (ITL)
  withdraw,   ///< a decision: nothing is served any more (CTL outside mixed mode)
};

/// ListFile reads `path` again whenever it changed. Safe from several threads; may block for disk.
class ListFile {
 public:
  /// IsOurs says whether a signed list is one of this node's; throws Error saying why not.
  using IsOurs = std::function<void(core::BytesView file)>;

  /// `<path>.good`, written by ringfence-admin, is what a start with a bad `path` serves.
  ListFile(std::filesystem::path path, Absence absence, IsOurs is_ours);

  /// current returns the newest good version, or nothing when there never was one. A file that
  /// does not parse, or that none of this node's keys signed, whoever put it there, is refused with
  /// one log line.
  std::shared_ptr<const Content> current();

  /// unchanged returns the version that is held if it is the newest: it asks the system for the
  /// file's time and size, and never reads it. Nothing when it has to be read again, or is just
  /// being read.
  std::shared_ptr<const Content> unchanged();

 private:
  /// Stamp tells one version of the file from the next without reading it.
  struct Stamp {
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    std::int64_t bytes = 0;
    std::uint64_t inode = 0;

    bool operator==(const Stamp&) const = default;
  };

  std::optional<Stamp> stamp() const;
  void read();
  std::shared_ptr<const Content> checked(const std::filesystem::path& path) const;

  const std::filesystem::path path_;
  const Absence absence_;
  const IsOurs is_ours_;
  std::mutex mutex_;
  bool looked_ = false;
  std::optional<Stamp> stamp_;  ///< nothing: it is missing
  std::shared_ptr<const Content> content_;
};

}  // namespace ringfence::services::tftp

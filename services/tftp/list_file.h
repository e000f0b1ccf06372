// A trust list on disk, and its last good version in memory.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
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
  /// `<path>.good`, written by ringfence-admin, is what a start with a bad `path` serves.
  ListFile(std::filesystem::path path, Absence absence);

  /// current returns the newest good version, or nothing when there never was one. A file that
  /// does not parse, or is signed by one of its own certificates and does not verify, is refused
  /// with one log line.
  std::shared_ptr<const Content> current();

 private:
  std::string stamp() const;
  void read();

  const std::filesystem::path path_;
  const Absence absence_;
  std::mutex mutex_;
  std::string stamp_ = "never";
  std::shared_ptr<const Content> content_;
};

}  // namespace ringfence::services::tftp

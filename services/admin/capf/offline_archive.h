// .tgz archives of small files: read under hard bounds, and written as a stream.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/file.h"

struct archive;

namespace ringfence::services::admin {

/// ArchiveLimits bound what an archive may make of itself.
struct ArchiveLimits {
  std::size_t entries = 200'000;
  std::size_t file_bytes = 64 * 1024;
  std::size_t total_bytes = std::size_t{512} << 20;  ///< unpacked, headers included
};

/// ArchivedFile is one plain file. Its name is the last part of its path, printable ASCII; nothing
/// is ever written under it.
struct ArchivedFile {
  std::string name;
  core::Bytes bytes;
};

/// ArchiveReader reads the files of a gzip-compressed tar archive one after the other.
///
/// Folders are passed over. Throws Error{malformed}: bytes that are no such archive or end too
/// early; a link, device or other thing that is no plain file; more than `limits` allow.
class ArchiveReader {
 public:
  /// `file` is read by position, so several readers may share it; it must outlive them.
  explicit ArchiveReader(const core::Fd& file) : ArchiveReader(file, ArchiveLimits{}) {}

  ArchiveReader(const core::Fd& file, const ArchiveLimits& limits);
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;
  ~ArchiveReader();

  std::optional<ArchivedFile> next();

 private:
  struct Source;

  [[noreturn]] void fail();
  void bound();

  const ArchiveLimits limits_;
  std::unique_ptr<Source> source_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
  std::size_t entries_ = 0;
};

/// ArchiveWriter makes such an archive in memory, whose bytes can be taken while it grows.
class ArchiveWriter {
 public:
  ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;
  ~ArchiveWriter();

  void add(const std::string& name, std::string_view text, core::Time modified);
  void finish();

  /// take returns what was compressed since the last take.
  core::Bytes take();

 private:
  std::unique_ptr<core::Bytes> out_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
};

}  // namespace ringfence::services::admin

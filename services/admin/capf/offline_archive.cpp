#include "services/admin/capf/offline_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "core/base/error.h"

namespace ringfence::services::admin {

using core::Bytes;
using core::Code;
using core::Error;

namespace {

constexpr std::size_t kMostNameBytes = 200;

using Entry = std::unique_ptr<archive_entry, void (*)(archive_entry*)>;

/// shown_name takes the folders off a path, and what a terminal or JSON would stumble over.
std::string shown_name(const char* path) {
  if (path == nullptr) return "(unnamed)";
  std::string name(path);
  name.erase(0, name.rfind('/') + 1);
  name.resize(std::min(name.size(), kMostNameBytes));
  for (char& c : name)
    if (c < ' ' || c > '~') c = '?';
  return name.empty() ? "(unnamed)" : name;
}

la_ssize_t append(archive*, void* out, const void* bytes, std::size_t count) {
  auto* to = static_cast<Bytes*>(out);
  const auto* from = static_cast<const std::uint8_t*>(bytes);
  to->insert(to->end(), from, from + count);
  return static_cast<la_ssize_t>(count);
}

void require(int result, archive* of) {
  if (result < ARCHIVE_WARN)
    throw Error(Code::internal, fmt::format("libarchive: {}", archive_error_string(of)));
}

}  // namespace

struct ArchiveReader::Source {
  const core::Fd& file;
  off_t at = 0;
  std::array<char, 65536> buffer{};

  static la_ssize_t read(archive* of, void* self, const void** bytes) {
    auto* source = static_cast<Source*>(self);
    ssize_t count = 0;
    do {
      count = ::pread(source->file.get(), source->buffer.data(), source->buffer.size(), source->at);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
      archive_set_error(of, errno, "the archive cannot be read");
      return -1;
    }
    source->at += count;
    *bytes = source->buffer.data();
    return count;
  }
};

ArchiveReader::ArchiveReader(const core::Fd& file, const ArchiveLimits& limits)
    : limits_(limits),
      source_(std::make_unique<Source>(Source{file})),
      archive_(archive_read_new(), archive_read_free) {
  if (!archive_) throw Error(Code::internal, "libarchive: no memory");
  require(archive_read_support_filter_gzip(archive_.get()), archive_.get());
  require(archive_read_support_format_tar(archive_.get()), archive_.get());
  if (archive_read_open(archive_.get(), source_.get(), nullptr, Source::read, nullptr) !=
      ARCHIVE_OK)
    fail();
}

ArchiveReader::~ArchiveReader() = default;

void ArchiveReader::fail() {
  throw Error(Code::malformed,
              fmt::format("it is not a .tgz of certificates, or it is damaged ({}); make it with "
                          "'tar czf lscs.tgz *.der'",
                          archive_error_string(archive_.get()) == nullptr
                              ? "unknown"
                              : archive_error_string(archive_.get())));
}

/// bound counts what is unpacked, so that also what is passed over counts.
void ArchiveReader::bound() {
  if (static_cast<std::size_t>(archive_filter_bytes(archive_.get(), 0)) > limits_.total_bytes)
    throw Error(Code::malformed,
                fmt::format("the archive unpacks to more than {} MiB", limits_.total_bytes >> 20));
  if (entries_ > limits_.entries)
    throw Error(Code::malformed,
                fmt::format("the archive has more than {} entries", limits_.entries));
}

std::optional<ArchivedFile> ArchiveReader::next() {
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(archive_.get(), &entry);
    if (result == ARCHIVE_EOF) {
      if (archive_filter_code(archive_.get(), 0) != ARCHIVE_FILTER_GZIP) fail();
      return std::nullopt;
    }
    if (result < ARCHIVE_WARN) fail();
    ++entries_;
    bound();
    const auto type = archive_entry_filetype(entry);
    if (type == AE_IFDIR) continue;
    ArchivedFile file{shown_name(archive_entry_pathname(entry)), {}};
    if (type != AE_IFREG || archive_entry_hardlink(entry) != nullptr ||
        archive_entry_symlink(entry) != nullptr || archive_entry_sparse_count(entry) > 0)
      throw Error(Code::malformed,
                  fmt::format("'{}' in the archive is not a plain file", file.name));
    const la_int64_t size = archive_entry_size(entry);
    if (size < 0 || static_cast<std::size_t>(size) > limits_.file_bytes)
      throw Error(Code::malformed,
                  fmt::format("'{}' in the archive has {} bytes; a certificate has at most {}",
                              file.name, size, limits_.file_bytes));
    file.bytes.resize(static_cast<std::size_t>(size));
    const la_ssize_t count =
        archive_read_data(archive_.get(), file.bytes.data(), file.bytes.size());
    if (count != static_cast<la_ssize_t>(file.bytes.size())) fail();
    bound();
    return file;
  }
}

ArchiveWriter::ArchiveWriter()
    : out_(std::make_unique<Bytes>()), archive_(archive_write_new(), archive_write_free) {
  if (!archive_) throw Error(Code::internal, "libarchive: no memory");
  require(archive_write_add_filter_gzip(archive_.get()), archive_.get());
  require(archive_write_set_format_ustar(archive_.get()), archive_.get());
  require(archive_write_set_bytes_in_last_block(archive_.get(), 1), archive_.get());  // no padding
  require(archive_write_open(archive_.get(), out_.get(), nullptr, append, nullptr), archive_.get());
}

ArchiveWriter::~ArchiveWriter() = default;

void ArchiveWriter::add(const std::string& name, std::string_view text, core::Time modified) {
  const Entry entry(archive_entry_new(), archive_entry_free);
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(text.size()));
  archive_entry_set_mtime(entry.get(), static_cast<std::time_t>(core::to_seconds(modified)), 0);
  require(archive_write_header(archive_.get(), entry.get()), archive_.get());
  if (archive_write_data(archive_.get(), text.data(), text.size()) !=
      static_cast<la_ssize_t>(text.size()))
    throw Error(Code::internal,
                fmt::format("libarchive: {}", archive_error_string(archive_.get())));
}

void ArchiveWriter::finish() {
  require(archive_write_close(archive_.get()), archive_.get());
}

Bytes ArchiveWriter::take() {
  return std::exchange(*out_, {});
}

}  // namespace ringfence::services::admin

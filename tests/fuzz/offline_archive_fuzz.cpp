// Archives of certificates from anywhere: within their bounds, and packed again they hold the same.
#include "services/admin/capf/offline_archive.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "core/base/error.h"

namespace {

using namespace ringfence;
using namespace ringfence::services::admin;

constexpr ArchiveLimits kLimits{100, 4096, std::size_t{1} << 20};

std::vector<ArchivedFile> read(core::BytesView packed) {
  const core::Fd file(::memfd_create("archive", MFD_CLOEXEC));
  if (::write(file.get(), packed.data(), packed.size()) != static_cast<ssize_t>(packed.size()))
    std::abort();
  ArchiveReader reader(file, kLimits);
  std::vector<ArchivedFile> files;
  while (auto one = reader.next()) {
    if (one->bytes.size() > kLimits.file_bytes || one->name.find('/') != std::string::npos)
      std::abort();
    if (!std::all_of(one->name.begin(), one->name.end(),
                     [](char c) { return c > 0x1f && c < 0x7f; }))
      std::abort();
    files.push_back(std::move(*one));
  }
  if (files.size() > kLimits.entries) std::abort();
  return files;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<ArchivedFile> files;
  try {
    files = read({data, size});
  } catch (const core::Error& error) {
    if (error.code() != core::Code::malformed) std::abort();
    return 0;
  }
  ArchiveWriter writer;
  for (const ArchivedFile& file : files)
    writer.add(file.name, core::text_of(file.bytes), core::from_seconds(0));
  writer.finish();
  const std::vector<ArchivedFile> again = read(writer.take());
  const bool same = std::equal(files.begin(), files.end(), again.begin(), again.end(),
                               [](const ArchivedFile& a, const ArchivedFile& b) {
                                 return a.name == b.name && a.bytes == b.bytes;
                               });
  if (!same) std::abort();
  return 0;
}

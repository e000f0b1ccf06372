#include "services/tftp/list_file.h"

#include <sys/stat.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/crypto/digest.h"
#include "core/trust/trust_list.h"

namespace ringfence::services::tftp {
namespace {

using core::Error;
using core::Level;

constexpr std::size_t kMaxListBytes = std::size_t{1} << 20;

}  // namespace

ListFile::ListFile(std::filesystem::path path, Absence absence, IsOurs is_ours)
    : path_(std::move(path)), absence_(absence), is_ours_(std::move(is_ours)) {}

/// checked reads a trust list; throws Error when it is missing, does not parse or is not ours.
std::shared_ptr<const Content> ListFile::checked(const std::filesystem::path& path) const {
  Content content;
  content.bytes = core::read_file(path, kMaxListBytes);
  core::parse_trust_list(content.bytes);
  is_ours_(content.bytes);
  content.sha1 = core::to_hex(core::digest(core::Digest::sha1, content.bytes));
  content.since = core::SystemClock().now();
  return std::make_shared<const Content>(std::move(content));
}

std::shared_ptr<const Content> ListFile::current() {
  const std::lock_guard lock(mutex_);
  const std::optional<Stamp> found = stamp();
  if (!looked_ || found != stamp_) {
    looked_ = true;
    stamp_ = found;
    read();
  }
  return content_;
}

std::shared_ptr<const Content> ListFile::unchanged() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock || !looked_ || stamp() != stamp_) return nullptr;
  return content_;
}

/// stamp returns nothing when the file is missing.
std::optional<ListFile::Stamp> ListFile::stamp() const {
  struct stat status {};

  if (::stat(path_.c_str(), &status) != 0) return std::nullopt;
  return Stamp{status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size, status.st_ino};
}

void ListFile::read() {
  if (!stamp_ && absence_ == Absence::withdraw) {
    content_.reset();
    return;
  }
  try {
    content_ = checked(path_);
    core::log(Level::notice, "TFTP_LIST_READ",
              {{"file", path_.filename().string()}, {"sha1", content_->sha1}});
  } catch (const Error& error) {
    // What phones need is a good list, not the newest file.
    if (!content_) {
      try {
        content_ = checked(path_.string() + ".good");
      } catch (const Error&) {
        content_.reset();
      }
    }
    core::log(Level::error, "TFTP_LIST_REFUSED",
              {{"file", path_.string()},
               {"why", error.what()},
               {"served", content_ ? content_->sha1 : "nothing"}});
  }
}

}  // namespace ringfence::services::tftp

// The last version of each label, and the key operation that may not have ended.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "hsm/key.h"
#include "hsm/module.h"

namespace ringfence::hsm {

/// VersionRecord is the last version that was given out for one label, and the one that went.
struct VersionRecord {
  std::uint32_t version = 0;
  std::optional<KeyRef> destroyed;  ///< the pair of this label whose objects must not stay

  bool operator==(const VersionRecord&) const = default;
};

using VersionRecords = std::map<std::string, VersionRecord>;

/// Versions keeps one record a label: as private data objects of the token, or, where the token
/// refuses these (NSS softokn does), in a file of mode 0600 that is replaced whole.
///
/// The session must outlive it. One process may keep at a time. Throws Error.
class Versions {
 public:
  using Sync = std::function<void()>;

  /// `file` may be empty: then a token without data objects cannot keep anything. `sync` puts on
  /// the disk what the token wrote, for a module that leaves that to others.
  Versions(const Session& session, std::filesystem::path file, Sync sync = {});

  VersionRecords read() const;

  /// tidy reads, and destroys data objects that a crash of keep left behind.
  VersionRecords tidy() const;

  /// keep replaces the label's record; when it returns the record is on disk. Throws Error{request}
  /// when neither the token nor a file takes it.
  void keep(const std::string& label, const VersionRecord& record) const;

 private:
  struct Found {
    VersionRecords records;
    std::vector<CK_OBJECT_HANDLE> outdated;  ///< of two for one label, the one that lost
  };

  Found find_all() const;
  VersionRecords read_file() const;
  void write_file(const VersionRecords& records) const;

  const Session& session_;
  std::filesystem::path file_;
  Sync sync_;
};

}  // namespace ringfence::hsm

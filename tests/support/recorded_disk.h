// A disk on which several processes worked (tests/support/disk_shim.cpp), as a power cut leaves it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/base/bytes.h"

namespace ringfence::test {

/// DiskStep is one entry of the record; its letters stand in disk_shim.cpp.
struct DiskStep {
  char kind = 0;
  std::string path;
  std::string other;
  std::uint64_t offset = 0;
  core::Bytes bytes;
};

/// read_disk_steps returns all entries.
std::vector<DiskStep> read_disk_steps(const std::filesystem::path& record);

/// What survives of what was not synced.
enum class Unsynced { all, none, some };

/// RecordedDisk takes steps, and builds what a power cut behind the last of them leaves.
///
/// A file's bytes are safe when the file was synced, a name when its folder was: making one, taking
/// it away, a rename. Of what came since then all, nothing, or some survives: of bytes any sectors,
/// of a folder's names those that changed first.
class RecordedDisk {
 public:
  /// The folder `root` itself is safe, and empty.
  explicit RecordedDisk(std::filesystem::path root);

  /// take returns false for a step that changes nothing. `step` must outlive the disk.
  bool take(const DiskStep& step);

  /// build writes the disk into the empty folder `to`, folders 0700 and files 0600.
  void build(const std::filesystem::path& to, Unsynced survives, std::mt19937& random) const;

 private:
  struct Node {
    bool folder = false;
    core::Bytes now;
    core::Bytes safe;
    std::vector<const DiskStep*> loose;
  };

  /// Change takes the name `gone` away and gives `made` to a node; either may be empty.
  struct Change {
    std::string gone;
    std::string made;
    std::size_t node = 0;
  };

  using Names = std::map<std::string, std::size_t>;

  static void apply(Names& names, const Change& change);
  static core::Bytes contents(const Node& node, Unsynced survives, std::mt19937& random);

  std::size_t add_node(bool folder);
  void change(Change change);
  bool change_bytes(const DiskStep& step);
  bool sync(const std::string& path);

  const std::filesystem::path root_;
  std::vector<Node> nodes_;
  Names now_;
  Names safe_;
  std::map<std::string, std::vector<Change>> loose_names_;  ///< by folder
};

}  // namespace ringfence::test

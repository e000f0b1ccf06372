// What a server serves: files by name, made at once or signed first.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "services/tftp/list_file.h"

namespace ringfence::services::tftp {

/// File is what a name stands for now.
struct File {
  std::shared_ptr<const Content> content;
  std::string device;  ///< whose file it is by its name, known or not; "" for the generic files
  std::string config_stamp = {};  ///< of the record that a phone's configuration was made from
  std::string signer = {};        ///< of a signed configuration: serial number, as signs have it
};

/// Unsigned is a configuration that must be signed to become the file `name`.
struct Unsigned {
  std::string name;
  std::string plain;  ///< the name inside the signed file
  std::string text;
  std::string stamp;  ///< of the record it was made from
  std::string device;
  std::string config_stamp = {};  ///< the record's own
};

/// Found is what a name stands for: a file, what becomes one by `sign`, or nothing.
struct Found {
  std::optional<File> file;
  std::optional<Unsigned> to_sign;
};

/// Source is where servers get files from. Safe from several threads.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// at_hand returns the file if it is in memory and is known to be the newest without waiting for
  /// anything; nothing says nothing: `find` knows.
  virtual std::optional<File> at_hand(std::string_view name) = 0;

  /// find returns nothing for a name that stands for no file. Throws Error as Database does, then
  /// the file exists but cannot be made now. Blocks for the disk, never for the signer.
  virtual Found find(std::string_view name) = 0;

  /// sign makes the file, and keeps it. Blocks for the signer: only on a core::SigningPool. Throws
  /// Error as Token and Database do.
  virtual File sign(const Unsigned& config) = 0;
};

}  // namespace ringfence::services::tftp

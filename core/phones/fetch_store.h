// Who fetched which file when. tftp.db, written by ringfence-tftp alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/storage/database.h"

namespace ringfence::core {

/// Fetch is one completed download of a trust list or a configuration.
struct Fetch {
  std::string device;  ///< from the file's name; "" for generic files and unknown devices
  std::string file;    ///< as asked, "ITLSEP001122334455.tlv"
  std::string sha1;    ///< hex of what was sent
  std::string peer;    ///< address
  Time at;
  std::string stamp = {};  ///< of a configuration: `config_stamp` of the record it was made from
};

/// FetchStore keeps the last fetch per device, file kind ("itl", "ctl", "config") and peer: of the
/// newest 8 peers of a device, and of the newest 1000 that fetched for no known device. Which is
/// newer is told by the order in which they were saved, whatever the clock said. Safe from several
/// threads. Errors: `io`.
class FetchStore {
 public:
  explicit FetchStore(Database& database) : database_(database) {}

  /// save records many at once, in one transaction.
  void save(const std::vector<Fetch>& fetches);
  /// prune takes away at most `most` of those before `before`, but each device's newest of a kind;
  /// returns how many.
  std::size_t prune(Time before, std::size_t most);
  /// last_itl returns the device's newest fetch of a file "ITL…".
  std::optional<Fetch> last_itl(std::string_view device) const;
  std::vector<Fetch> last_itls() const;  ///< one a device, by name, without the generic files
  /// of returns what was fetched for the device, a configuration or a list, the newest first.
  std::vector<Fetch> of(std::string_view device) const;
  /// last_config returns the device's newest fetch of a configuration.
  std::optional<Fetch> last_config(std::string_view device) const;

 private:
  Database& database_;
};

}  // namespace ringfence::core
